import { MeshError } from '../../errors.ts'
import type { Member, RoomEvent, Storage } from '../../ports/index.ts'
import type { NodeLife } from './nodes.ts'
import type { World } from './world.ts'

/** How often a call of the storage fails where the storage may fail. */
const failing = 0.03

/**
 * The storage as one node reaches it: each call takes its time on the way there and back, and some fail, before or after
 * they took effect. What the port promises holds: results of writes to one room arrive in order. A node that dies
 * meanwhile hears nothing more, and what was on its way may still take effect.
 */
export function createRemoteStorage(world: World, node: NodeLife, storage: Storage): Storage {
  const { random, clock, plan } = world
  const answeredAt = new Map<string, number>()
  const delay = () => random.between(0, plan.delays.storage)

  function answer(room_id: string | undefined, deliver: () => void): void {
    const now = clock.monotonic()
    let at = now + delay()
    if (room_id !== undefined) {
      at = Math.max(at, (answeredAt.get(room_id) ?? 0) + 0.001)
      answeredAt.set(room_id, at)
    }
    clock.after(at - now, () => node.deliver(deliver))
  }

  function call(method: Method, isWrite: boolean, of: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new MeshError('UNAVAILABLE'))
      const room_id = isWrite ? roomOf(of) : undefined
      clock.after(delay(), () => {
        if (!node.isUp && random.chance(0.5)) return
        if (world.strikes('storage', failing)) return answer(room_id, fail)
        const isLost = world.strikes('storage', failing)
        void method(...of).then(
          (result) => {
            if (isWrite)
              for (const event of eventsIn(result)) if (isNew(result)) world.record({ kind: 'commit', event })
            answer(room_id, () => {
              if (isLost) return fail()
              note(result)
              resolve(result)
            })
          },
          (error: unknown) => answer(room_id, () => reject(error)),
        )
      })
    })
  }

  function note(result: unknown): void {
    for (const event of eventsIn(result)) world.record({ kind: 'learn', node: node.name, event })
    if (!isMember(result)) return
    const { room_id, user_id, member_seq } = result
    world.record({ kind: 'member', node: node.name, room_id, user_id, member_seq })
  }

  // Every store of the port is an object of methods that return promises; whichever they are, they are called the same way.
  const stores = Object.entries(storage).filter(([, store]) => typeof store === 'object')
  const remote = stores.map(([name, store]) => [name, remoteStore(store as Record<string, Method>)])
  function remoteStore(store: Record<string, Method>) {
    return Object.fromEntries(
      Object.entries(store).map(([name, method]) => [name, (...of: unknown[]) => call(method, !reads.has(name), of)]),
    )
  }
  // Its own clock is right, whatever those of the nodes say.
  return { ...storage, ...Object.fromEntries(remote), now: () => Math.floor(clock.now()) }
}

type Method = (...of: unknown[]) => Promise<unknown>

const reads = new Set(['find', 'findByName', 'list', 'before', 'member', 'snapshot'])

/** The room that a write is about: its first argument, or named in it. */
function roomOf([first]: unknown[]): string | undefined {
  if (typeof first === 'string') return first
  return typeof first === 'object' && first !== null && 'room_id' in first ? String(first.room_id) : undefined
}

/** The durable events in what the storage returned: one, a list, or among the fields of an outcome. */
function eventsIn(result: unknown): RoomEvent[] {
  if (isEvent(result)) return [result]
  return typeof result === 'object' && result !== null ? Object.values(result).filter(isEvent) : []
}

// A room has a `seq` as well, but only an event has a type.
const isEvent = (value: unknown): value is RoomEvent =>
  typeof value === 'object' && value !== null && 'seq' in value && 'type' in value

const isNew = (result: unknown) => (result as { outcome?: string }).outcome !== 'repeated'

const isMember = (result: unknown): result is Member =>
  typeof result === 'object' && result !== null && 'member_seq' in result
