import type { Bus, RoomEvent } from '../../ports/index.ts'
import type { Barred } from './history.ts'
import type { NodeLife } from './nodes.ts'
import type { World } from './world.ts'

/** How often a message is lost on its way to one node, where messages may be lost. */
const losing = 0.15

/** The bus between the nodes: late, out of order between publishers, at most once. */
export interface BusLine {
  connect(node: NodeLife): Bus
}

/** @see BusLine */
export function createBusLine(world: World): BusLine {
  const { clock, random, plan } = world
  const ends = new Map<NodeLife, Map<string, Set<(message: string) => void>>>()
  const arrivesAt = new Map<string, number>()

  /** Messages of one publisher on one topic arrive in order: the port promises it. */
  function travel(path: string, arrive: () => void): void {
    const now = clock.monotonic()
    const at = Math.max(now + random.between(0, plan.delays.bus), (arrivesAt.get(path) ?? 0) + 0.001)
    arrivesAt.set(path, at)
    clock.after(at - now, arrive)
  }

  /** What the engine writes on its topics: see mesh.ts. */
  function note(node: string, topic: string, message: string): void {
    if (topic === 'events') world.record({ kind: 'learn', node, event: JSON.parse(message) as RoomEvent })
    if (topic !== 'disconnected') return
    world.record({ kind: 'bar', node, which: (JSON.parse(message) as { which: Barred }).which })
  }

  return {
    connect(node) {
      const own = new Map<string, Set<(message: string) => void>>()
      ends.set(node, own)
      return {
        publish(topic, message, unheard) {
          const isHeard = [...ends].some(
            ([other, topics]) => other !== node && other.isUp && !other.isCutOff && topics.get(topic)?.size,
          )
          if (!node.isUp || node.isCutOff || !isHeard) return unheard?.()
          for (const [other, topics] of ends) {
            if (other === node || !other.isUp || world.strikes('bus_loss', losing)) continue
            travel(`${node.name} ${other.name} ${topic}`, () => {
              if (other.isCutOff) return
              other.deliver(() => {
                note(other.name, topic, message)
                for (const listener of topics.get(topic) ?? []) listener(message)
              })
            })
          }
        },
        get isUp() {
          return !node.isCutOff
        },
        get outages() {
          return node.outages
        },
        subscribe(topic, listener) {
          const listeners = own.get(topic) ?? new Set()
          own.set(topic, listeners.add(listener))
          return () => void listeners.delete(listener)
        },
        async close() {
          ends.delete(node)
        },
      }
    },
  }
}
