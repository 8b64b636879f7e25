import type { Decide } from './authorize.ts'
import type { Peer } from './context.ts'
import { MeshError } from './errors.ts'
import type { Storage } from './ports/index.ts'
import type { Rooms } from './rooms/service.ts'

/** Lets a peer into a room that it wants to join, or does not. @throws MeshError ROOM_NOT_FOUND, ACCESS_DENIED */
export type Admit = (peer: Peer, room_id: string) => Promise<void>

/**
 * Asks the host application whether somebody may join. Whom it lets in who is no member becomes one, as a guest: what is
 * in a room is a member of it, so that the room sees them, and removing them ends it.
 */
export function createAdmission({ storage, decide, rooms }: { storage: Storage; decide: Decide; rooms: Rooms }): Admit {
  return async (peer, room_id) => {
    const [room, member] = await Promise.all([storage.rooms.find(room_id), storage.rooms.member(room_id, peer.user_id)])
    if (!room) throw new MeshError('ROOM_NOT_FOUND')
    const resource = { room_id, role: member?.role }
    const question = { principal: peer, action: 'room.join', resource, defaultDecision: member !== undefined } as const
    if (!(await decide(question))) throw new MeshError('ACCESS_DENIED')
    if (!member) await rooms.setMember('administrator', room_id, peer.user_id, 'guest')
  }
}
