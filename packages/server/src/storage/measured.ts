import type { Storage } from '@mesh/core'

type Operation = (...args: unknown[]) => Promise<unknown>

/** A storage that has each of its operations, by a name such as `rooms.find`, measured by what `begin` returns. */
export function measured(storage: Storage, begin: (operation: string) => () => void): Storage {
  const stores = Object.entries(storage).map(([name, store]) => {
    // What is no store stands for the whole: ready() and close().
    if (typeof store === 'function') return [name, store]
    // A store is a record of functions that resolve; the port has no other.
    const operations = Object.entries(store as Record<string, Operation>).map(([operation, run]) => {
      const measure: Operation = async (...args) => {
        const end = begin(`${name}.${operation}`)
        return run(...args).finally(end)
      }
      return [operation, measure]
    })
    return [name, Object.fromEntries(operations)]
  })
  // The same names with the same functions, each with a stopwatch around it.
  return Object.fromEntries(stores) as Storage
}
