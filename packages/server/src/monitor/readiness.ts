import type { Logger, Mesh, Storage } from '@mesh/core'
import { clockTolerance, type WallClock } from '../wall-clock.ts'

/** How often a server looks by itself whether it is ready, in milliseconds. */
const lookMs = 5_000

/** Whether a server should be sent clients, and by what that was judged. */
export interface Readiness {
  readonly isReady: boolean
  readonly checks: {
    /** The storage serves. Not asked while a stop is under way. */
    readonly storage?: boolean
    /** This node's clock is no more than 5 s off that of the storage, where it has one. Not asked while a stop is under way. */
    readonly clock?: boolean
    /** The other nodes are heard, where there are any. That alone decides nothing: each node serves its own clients, and a bus that is away would take all nodes away. */
    readonly bus: boolean
    /** No stop is under way. */
    readonly accepting: boolean
  }
}

/** What is asked. */
interface Asked {
  readonly mesh: Mesh
  readonly storage: Storage
  readonly clock: WallClock
}

/** Asks everything that a server needs whether it serves, now, unless it is stopping. Never fails. */
export async function readinessOf({ mesh, ...needed }: Asked): Promise<Readiness> {
  // It is decided already, and a storage that is silent would be waited for.
  if (mesh.isDraining) return { isReady: false, checks: { bus: mesh.isBusUp, accepting: false } }
  const { storage, clock } = await look(needed)
  const accepting = !mesh.isDraining
  return { isReady: storage && clock && accepting, checks: { storage, clock, bus: mesh.isBusUp, accepting } }
}

/** Looks whether the storage serves and the clock is right: if not, why, as a code, and how far it is ahead, in milliseconds. */
async function look({ storage, clock }: Pick<Asked, 'storage' | 'clock'>) {
  const code = await storage.ready().then(() => undefined, codeOf)
  const off_ms = clock.off() ?? 0
  return { storage: code === undefined, clock: Math.abs(off_ms) <= clockTolerance, code, off_ms }
}

/** Says in the log when a server ceases to be ready, or is again, whether or not anybody asks. */
export function watchReadiness(asked: Pick<Asked, 'storage' | 'clock'>, logger: Logger): { close(): void } {
  const said = { storage: true, clock: true }
  let isLooking = false

  async function compare(): Promise<void> {
    if (isLooking) return
    isLooking = true
    const { storage, clock, code, off_ms } = await look(asked)
    isLooking = false
    if (storage !== said.storage) {
      if (storage) logger.info({}, 'the storage serves again')
      else logger.warn({ code }, 'not ready: the storage does not serve')
    }
    if (clock !== said.clock) {
      if (clock) logger.info({ off_ms }, 'the clock of this node is right again')
      else logger.warn({ off_ms }, "not ready: the clock of this node is off the database's")
    }
    Object.assign(said, { storage, clock })
  }

  void compare()
  const timer = setInterval(() => void compare(), lookMs).unref()
  return { close: () => clearInterval(timer) }
}

/** What the database said is wrong, where it said so; else our own word for it. */
function codeOf(error: unknown): string {
  for (const one of [error instanceof Error ? error.cause : undefined, error]) {
    if (typeof one === 'object' && one !== null && 'code' in one && typeof one.code === 'string') return one.code
  }
  return 'INTERNAL'
}
