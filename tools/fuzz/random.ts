/** Choices that a seed repeats. */
export interface Random {
  /** A whole number from 0 to `n` - 1. */
  below(n: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
  bytes(length: number): Buffer
  /** Another source, whose choices depend on this one's seed only. */
  fork(): Random
}

/** Mulberry32: small, fast, and good enough to find faults with. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (n: number) => Math.floor((next() / 0x1_0000_0000) * n)
  return {
    below,
    chance: (probability) => below(1_000_000) < probability * 1_000_000,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new RangeError('Nothing to pick from')
      // An index below the length of a list that is not empty.
      return list[below(list.length)] as T
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
    fork: () => createRandom(next()),
  }
}
