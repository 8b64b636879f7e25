import type { Mesh, Storage } from '@mesh/core'

/** Whether a server should be sent clients, and by what that was judged. */
export interface Readiness {
  readonly isReady: boolean
  readonly checks: {
    /** The storage serves. */
    readonly storage: boolean
    /** The other nodes are heard, where there are any. That alone decides nothing: each node serves its own clients, and a bus that is away would take all nodes away. */
    readonly bus: boolean
    /** No stop is under way. */
    readonly accepting: boolean
  }
}

/** Asks everything that a server needs whether it serves, now. Never fails. */
export async function readinessOf({ mesh, storage }: { mesh: Mesh; storage: Storage }): Promise<Readiness> {
  const serves = await storage.ready().then(
    () => true,
    () => false,
  )
  const checks = { storage: serves, bus: mesh.isBusUp, accepting: !mesh.isDraining }
  return { checks, isReady: checks.storage && checks.accepting }
}
