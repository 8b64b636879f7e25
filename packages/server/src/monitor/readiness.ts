import type { Logger, Mesh, Storage } from '@mesh/core'
import { clockTolerance, type WallClock } from '../wall-clock.ts'

/** How often a server looks by itself whether it is ready, in milliseconds. */
const lookMs = 5_000

/** Whether a server should be sent clients, and by what that was judged. */
export interface Readiness {
  readonly isReady: boolean
  readonly checks: {
    /** The storage serves. */
    readonly storage: boolean
    /** This node's clock is no more than 5 s off that of the storage, where it has one. */
    readonly clock: boolean
    /** The other nodes are heard, where there are any. That alone decides nothing: each node serves its own clients, and a bus that is away would take all nodes away. */
    readonly bus: boolean
    /** No stop is under way. */
    readonly accepting: boolean
  }
  /** Why the storage does not serve, as a code. */
  readonly code: string | undefined
  /** How far this node's clock is ahead of the storage's, in milliseconds. */
  readonly off_ms: number
}

/** What is asked. */
interface Asked {
  readonly mesh: Mesh
  readonly storage: Storage
  readonly clock: WallClock
}

/** Asks everything that a server needs whether it serves, now. Never fails. */
export async function readinessOf({ mesh, storage, clock }: Asked): Promise<Readiness> {
  const failure = await storage.ready().then(() => undefined, codeOf)
  const off_ms = clock.off() ?? 0
  const checks = {
    storage: failure === undefined,
    clock: Math.abs(off_ms) <= clockTolerance,
    bus: mesh.isBusUp,
    accepting: !mesh.isDraining,
  }
  return { checks, code: failure, off_ms, isReady: checks.storage && checks.clock && checks.accepting }
}

/** Says in the log when a server ceases to be ready, or is again, whether or not anybody asks. */
export function watchReadiness(asked: Asked, logger: Logger): { close(): void } {
  const said = { storage: true, clock: true }
  let isLooking = false

  async function look(): Promise<void> {
    if (isLooking) return
    isLooking = true
    const { checks, code, off_ms } = await readinessOf(asked)
    isLooking = false
    if (checks.storage !== said.storage) {
      if (checks.storage) logger.info({}, 'the storage serves again')
      else logger.warn({ code }, 'not ready: the storage does not serve')
    }
    if (checks.clock !== said.clock) {
      if (checks.clock) logger.info({ off_ms }, 'the clock of this node is right again')
      else logger.warn({ off_ms }, "not ready: the clock of this node is off the database's")
    }
    Object.assign(said, { storage: checks.storage, clock: checks.clock })
  }

  void look()
  const timer = setInterval(() => void look(), lookMs).unref()
  return { close: () => clearInterval(timer) }
}

/** What the database said is wrong, where it said so; else our own word for it. */
function codeOf(error: unknown): string {
  for (const one of [error instanceof Error ? error.cause : undefined, error]) {
    if (typeof one === 'object' && one !== null && 'code' in one && typeof one.code === 'string') return one.code
  }
  return 'INTERNAL'
}
