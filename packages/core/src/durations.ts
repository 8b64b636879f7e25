/** The upper bounds of what is told apart, in seconds: from what a machine takes to what people do. Beyond the last is one more. */
export const durationBounds = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60] as const

/** How long something took each time, as counts: noting one allocates nothing. */
export interface Durations {
  /** How many took up to each of {@link durationBounds} and longer than the one before, and last those beyond; live. */
  readonly counts: readonly number[]
  /** What they took together, in seconds. */
  readonly sum: number
  /** Notes one, in milliseconds. */
  note(ms: number): void
}

/** @see Durations */
export function createDurations(): Durations {
  const counts = Array<number>(durationBounds.length + 1).fill(0)
  let sum = 0
  return {
    counts,
    get sum() {
      return sum
    },
    note(ms) {
      const s = ms / 1000
      sum += s
      let at = 0
      for (const bound of durationBounds) {
        if (s <= bound) break
        at++
      }
      counts[at] = (counts[at] ?? 0) + 1
    },
  }
}
