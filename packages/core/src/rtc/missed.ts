import { isMeshError } from '../errors.ts'
import type { Engine, Occupant } from '../context.ts'
import { isId } from '../ids.ts'
import type { Signaling } from './signaling.ts'

/** What people expect to find when they come back; a share that nobody took is not a call. */
const recorded = new Set(['call', 'screen'])

/** Records calls that nobody took. It never holds up the signal that it is about. */
export function createMissedCalls(engine: Engine) {
  const { storage, clock, ids, logger } = engine

  async function record(room_id: string, from_user_id: string, to_user_id: string, purpose: string): Promise<void> {
    if (!recorded.has(purpose) || from_user_id === to_user_id) return
    try {
      // Only a member of the room can have missed a call there.
      if (!(await storage.rooms.member(room_id, to_user_id))) return
      const event = { id: ids.uuid(), type: 'call.missed', from: 'server', at: clock.now() }
      const stored = await storage.events.missedCall({ room_id, from_user_id, to_user_id, purpose }, event)
      if (stored) engine.publish(stored)
    } catch (error) {
      logger.warn({ code: isMeshError(error) ? error.code : 'INTERNAL' }, 'a missed call was not recorded')
    }
  }

  return {
    /** A session ended before anybody answered. */
    note({ room, caller, forks, purpose }: Signaling): void {
      const called = new Set([...forks.values()].map((fork) => fork.peer.user_id))
      for (const user_id of called) void record(room.room_id, caller.peer.user_id, user_id, purpose)
    },

    /** The called user had no peer in the room. */
    noteOffline({ room, peer }: Occupant, to: string, purpose: string): void {
      if (isId('usr', to)) void record(room.room_id, peer.user_id, to, purpose)
    },
  }
}
