import type { Engine, Occupant } from '../context.ts'
import { isId } from '../ids.ts'
import { createRecord } from '../record.ts'
import type { Signaling } from './signaling.ts'

/** What people expect to find when they come back; a share that nobody took is not a call. */
const recorded = new Set(['call', 'screen'])

/** Who was called: a user, or the user of a device. */
type Called = { user_id: string } | { device_id: string }

/** Records calls that nobody took. It never holds up the signal that it is about. */
export function createMissedCalls(engine: Engine) {
  const { storage, clock, ids } = engine
  const record = createRecord(engine)

  function missed(room_id: string, from_user_id: string, called: Called, purpose: string): void {
    if (!recorded.has(purpose)) return
    record('a missed call', async () => {
      const to_user_id = 'user_id' in called ? called.user_id : await ownerOf(called.device_id)
      if (to_user_id === undefined || to_user_id === from_user_id) return undefined
      // Only a member of the room can have missed a call there.
      if (!(await storage.rooms.member(room_id, to_user_id))) return undefined
      const event = { id: ids.uuid(), type: 'call.missed', from: 'server', at: clock.now() }
      return storage.events.missedCall({ room_id, from_user_id, to_user_id, purpose }, event)
    })
  }

  const ownerOf = async (device_id: string) => (await storage.devices.find(device_id))?.user_id

  return {
    /** A session ended before anybody answered. */
    note({ room, caller, forks, purpose }: Signaling): void {
      const called = new Set([...forks.values()].map((fork) => fork.peer.user_id))
      for (const user_id of called) missed(room.room_id, caller.peer.user_id, { user_id }, purpose)
    },

    /** The called user or device had no peer in the room. */
    noteOffline({ room, peer }: Occupant, to: string, purpose: string): void {
      if (isId('usr', to)) missed(room.room_id, peer.user_id, { user_id: to }, purpose)
      if (isId('dev', to)) missed(room.room_id, peer.user_id, { device_id: to }, purpose)
    },
  }
}
