import type { Bus } from '../ports/index.ts'

/** A line between the nodes that live in one process. */
export interface MemoryBusLine {
  /** The end of one node. */
  connect(): Bus
  /** Cuts the line or mends it: while it is cut nothing gets through, and every node knows. */
  cut(isCut: boolean): void
}

type Listener = (message: string) => void

/** Joins several engines in one process, as a real bus joins several machines. */
export function createMemoryBusLine(): MemoryBusLine {
  const ends = new Set<Map<string, Set<Listener>>>()
  let isUp = true
  let outages = 0
  return {
    connect() {
      const own = new Map<string, Set<Listener>>()
      ends.add(own)
      const isOpen = () => isUp && ends.has(own)
      return {
        publish(topic, message, unheard) {
          let isHeard = false
          for (const end of isOpen() ? ends : []) {
            if (end === own) continue
            for (const listener of end.get(topic) ?? []) {
              isHeard = true
              queueMicrotask(() => deliver(end, topic, listener, message))
            }
          }
          if (!isHeard && unheard) queueMicrotask(unheard)
        },
        subscribe(topic, listener) {
          const listeners = own.get(topic) ?? new Set()
          own.set(topic, listeners.add(listener))
          return () => void listeners.delete(listener)
        },
        get isUp() {
          return isOpen()
        },
        get outages() {
          return outages
        },
        async close() {
          own.clear()
          ends.delete(own)
        },
      }
    },
    cut(isCut) {
      if (isCut && isUp) outages++
      isUp = !isCut
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
