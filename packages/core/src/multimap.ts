/** Sets of values by key. A key without values takes no place. */
export interface Multimap<K, V> {
  /** The values of a key, as they are and will be: copy them where they may go meanwhile. */
  get(key: K): ReadonlySet<V>
  add(key: K, value: V): void
  delete(key: K, value: V): void
}

/** @see Multimap */
export function createMultimap<K, V>(): Multimap<K, V> {
  const sets = new Map<K, Set<V>>()
  const none: ReadonlySet<V> = new Set()
  return {
    get: (key) => sets.get(key) ?? none,
    add: (key, value) => void sets.set(key, (sets.get(key) ?? new Set()).add(value)),
    delete(key, value) {
      const values = sets.get(key)
      if (values?.delete(value) && values.size === 0) sets.delete(key)
    },
  }
}
