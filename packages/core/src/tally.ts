/** Counts by name, for as long as it lives. Only names that the code knows: one that a client makes up must not become one. */
export interface Tally<K extends string> {
  /** Counts one more. */
  add(name: K): void
  /** What has been counted so far; live. */
  readonly counts: ReadonlyMap<K, number>
}

/** Makes a tally in which these names stand from the beginning, so that whoever watches it sees their first count. */
export function createTally<K extends string>(names: readonly K[] = []): Tally<K> {
  const counts = new Map<K, number>(names.map((name) => [name, 0]))
  return {
    add: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    counts,
  }
}
