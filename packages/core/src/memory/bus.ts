import type { Bus } from '../ports/index.ts'

/** A line between the nodes that live in one process. */
export interface MemoryBusLine {
  /** The end of one node. */
  connect(): Bus
}

type Listener = (message: string) => void

/** Joins several engines in one process, as a real bus joins several machines. */
export function createMemoryBusLine(): MemoryBusLine {
  const ends = new Set<Map<string, Set<Listener>>>()
  return {
    connect() {
      const own = new Map<string, Set<Listener>>()
      ends.add(own)
      return {
        publish(topic, message) {
          for (const end of ends) {
            if (end !== own)
              for (const listener of end.get(topic) ?? []) queueMicrotask(() => deliver(end, topic, listener, message))
          }
        },
        subscribe(topic, listener) {
          const listeners = own.get(topic) ?? new Set()
          own.set(topic, listeners.add(listener))
          return () => void listeners.delete(listener)
        },
        async close() {
          own.clear()
          ends.delete(own)
        },
      }
    },
  }
}

/** The bus of a node that is alone. */
export function createMemoryBus(): Bus {
  return createMemoryBusLine().connect()
}

/** A listener that has gone between publishing and delivery hears nothing more. */
function deliver(end: Map<string, Set<Listener>>, topic: string, listener: Listener, message: string): void {
  if (end.get(topic)?.has(listener)) listener(message)
}
