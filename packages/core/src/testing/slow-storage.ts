import { createMemoryStorage } from '../memory/storage.ts'
import type { Storage } from '../ports/index.ts'

/** Resolves some turns of the event loop later. */
export type Pause = () => Promise<void>

/**
 * A storage whose rooms, invitations, events and terminals take their time before and after each call, so that what was read is old
 * when it arrives and results come in any order. Not published.
 */
export function createSlowStorage(pause: Pause, storage: Storage = createMemoryStorage()): Storage {
  const { rooms, invites, events, terminals } = storage
  return {
    ...storage,
    rooms: slowed(rooms, pause),
    invites: slowed(invites, pause),
    events: slowed(events, pause),
    terminals: slowed(terminals, pause),
  }
}

function slowed<T extends object>(store: T, pause: Pause): T {
  return new Proxy(store, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return async (...of: unknown[]) => {
        await pause()
        const result: unknown = await method.apply(target, of)
        await pause()
        return result
      }
    },
  })
}
