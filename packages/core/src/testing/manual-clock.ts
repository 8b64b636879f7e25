import type { Clock } from '../ports/index.ts'
import { createTimers } from './timers.ts'

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets time pass, in milliseconds, and runs what falls due on the way, in the order of its time. */
  advance(ms: number): void
  /** Lets time pass up to the earliest timer and runs that one alone; false when none is due by `until` (monotonic). */
  step(until?: number): boolean
  /** Sets the wall clock forward or back, in milliseconds, as an administrator or NTP would; deadlines do not notice. */
  jump(ms: number): void
  /** How many timers wait. */
  readonly timers: number
}

/** A clock for tests. `start` is its first `now()`, in milliseconds since 1970; the monotonic time begins at 0. */
export function createManualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  const timers = createTimers()
  let elapsed = 0
  let offset = start

  function step(until = Infinity): boolean {
    const next = timers.take(until)
    if (!next) return false
    elapsed = Math.max(elapsed, next.due)
    next.run()
    return true
  }

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after: (ms, run) => timers.add(elapsed + ms, run),
    step,
    advance(ms) {
      const until = elapsed + ms
      while (step(until));
      elapsed = until
    },
    jump(ms) {
      offset += ms
    },
    get timers() {
      return timers.size
    },
  }
}
