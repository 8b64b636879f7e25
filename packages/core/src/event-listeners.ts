import type { Logger, RoomEvent } from './ports/index.ts'
import type { ServerEventType } from './protocol.ts'
import type { Ids } from './ids.ts'
import { internalError } from './internal-error.ts'
import { createMultimap } from './multimap.ts'

/** Hears of a durable event: chat, membership, milestones of calls, shares and terminals. */
export type EventListener = (event: RoomEvent) => void

/** Listeners in the process of the host. */
export interface EventListeners {
  /** Hears of every durable event of a type, `*` for all, that this node stores; the returned function ends it. */
  on(type: ServerEventType | '*', listener: EventListener): () => void
  /** An event was stored by this node, and the room has been told. What a listener throws is logged, and that is all. */
  tell(event: RoomEvent): void
}

/** @see EventListeners */
export function createEventListeners(options: { logger: Logger; ids: Ids }): EventListeners {
  const listeners = createMultimap<string, EventListener>()
  return {
    on(type, listener) {
      listeners.add(type, listener)
      return () => listeners.delete(type, listener)
    },
    tell(event) {
      for (const type of [event.type, '*'])
        for (const listener of [...listeners.get(type)]) {
          try {
            listener({ ...event, payload: { ...event.payload } })
          } catch (error) {
            internalError(options, error, 'a listener failed')
          }
        }
    },
  }
}
