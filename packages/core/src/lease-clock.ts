import type { Clock, Storage } from './ports/index.ts'

/**
 * The time that leases are judged by. Nodes that share a store have its clock in common; alone, a node counts on from when
 * it began. Neither notices what becomes of the wall clock meanwhile.
 */
export interface LeaseClock {
  /** Milliseconds since 1970, whole ones. */
  now(): number
  /** The same instant by the wall clock of this node, which is the one that clients hear of. */
  onWall(at: number): number
}

/** @see LeaseClock */
export function createLeaseClock(clock: Clock, storage: Storage): LeaseClock {
  const begun = clock.now() - clock.monotonic()
  const now = () => Math.floor(storage.now?.() ?? begun + clock.monotonic())
  return { now, onWall: (at) => clock.now() + at - now() }
}
