import type { Clock } from '../ports/index.ts'

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets time pass, in milliseconds, and runs what falls due on the way, in the order of its time. */
  advance(ms: number): void
  /** Sets the wall clock forward or back, in milliseconds, as an administrator or NTP would; deadlines do not notice. */
  jump(ms: number): void
  /** How many timers wait. */
  readonly timers: number
}

/** A clock for tests. `start` is its first `now()`, in milliseconds since 1970; the monotonic time begins at 0. */
export function createManualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  const timers = new Map<object, { due: number; run: () => void }>()
  let elapsed = 0
  let offset = start

  function next(until: number): object | undefined {
    let found: object | undefined
    let earliest = Infinity
    // A Map keeps the order of insertion, so of two timers that are due together the older one runs first.
    for (const [timer, { due }] of timers) if (due <= until && due < earliest) [found, earliest] = [timer, due]
    return found
  }

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after(ms, run) {
      const timer = {}
      timers.set(timer, { due: elapsed + ms, run })
      return () => void timers.delete(timer)
    },
    advance(ms) {
      const until = elapsed + ms
      for (let timer = next(until); timer; timer = next(until)) {
        const due = timers.get(timer)
        timers.delete(timer)
        elapsed = Math.max(elapsed, due?.due ?? elapsed)
        due?.run()
      }
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
