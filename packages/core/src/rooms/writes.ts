import { actorOf, type Doer } from '../audit.ts'
import type { Engine } from '../context.ts'
import type { AuditEvent, NewEvent } from '../ports/index.ts'

/** What the services of rooms have in common when they change one. */
export interface RoomWrites {
  /** A decision of somebody's as an event, for the room's log and, as `audit`, for the audit log. */
  newEvent(
    type: string,
    payload: NewEvent['payload'],
    doer: Doer,
    audit: Omit<AuditEvent, 'outcome' | 'room_id'>,
  ): NewEvent
  /** A write that failed may have taken effect: what it changed must not wait for the next event to be noticed. */
  write<T>(room_id: string, result: Promise<T>): Promise<T>
}

/** @see RoomWrites */
export function createRoomWrites({
  clock,
  ids,
  checkRoom,
}: Pick<Engine, 'clock' | 'ids'> & { checkRoom(room_id: string): Promise<void> }): RoomWrites {
  return {
    newEvent: (type, payload, doer, audit) => ({
      id: ids.uuid(),
      type,
      from: 'server',
      at: clock.now(),
      payload,
      audit: { outcome: 'ok', ...actorOf(doer), ...audit },
    }),

    async write(room_id, result) {
      try {
        return await result
      } catch (error) {
        void checkRoom(room_id)
        throw error
      }
    },
  }
}
