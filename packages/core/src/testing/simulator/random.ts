/** Numbers that look random and repeat under the same seed. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number
  /** A whole number from 0 up to, and without, `n`. */
  below(n: number): number
  /** A number from `low` up to, and without, `high`. */
  between(low: number, high: number): number
  /** Whether something of this likelihood happens. */
  chance(likelihood: number): boolean
  /** One of these; undefined when there is none. */
  pick<T>(items: readonly T[]): T | undefined
  /** One of the names, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K
}

/** Mulberry32: 32 bits of state are plenty for telling apart what seeds do. */
export function createRandom(seed: number): Random {
  let state = seed | 0

  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  const below = (n: number) => Math.floor(next() * n)
  return {
    next,
    below,
    between: (low, high) => low + next() * (high - low),
    chance: (likelihood) => next() < likelihood,
    pick: (items) => items[below(items.length)],
    weighted(weights) {
      const names = Object.keys(weights) as (keyof typeof weights)[]
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0)
      return names.find((name) => (left -= weights[name]) < 0) ?? (names[0] as (typeof names)[number])
    },
  }
}
