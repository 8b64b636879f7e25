/** A map of at most `max` entries that forgets the one least recently used. */
export interface BoundedMap<K, V> {
  readonly size: number
  get(key: K): V | undefined
  /** Gets without making the entry any younger. */
  peek(key: K): V | undefined
  set(key: K, value: V): void
  delete(key: K): void
  /** All there is, the least recently used first. */
  entries(): Iterable<[K, V]>
}

/** @see BoundedMap */
export function createBoundedMap<K, V extends {}>(max: number): BoundedMap<K, V> {
  const entries = new Map<K, V>()
  return {
    get size() {
      return entries.size
    },
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      // A Map keeps the order of insertion: to put a key back is to make it the youngest.
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    peek: (key) => entries.get(key),
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      for (const oldest of entries.keys()) {
        if (entries.size <= max) break
        entries.delete(oldest)
      }
    },
    delete: (key) => void entries.delete(key),
    entries: () => entries.entries(),
  }
}
