import type { LeaveCause, LiveRoom, Occupant, Peer } from '../context.ts'
import type { Multimap } from '../multimap.ts'
import type { Member } from '../ports/index.ts'
import type { Directory } from './directory.ts'
import type { Place } from './messages.ts'
import type { RemotePeer } from './remote-peer.ts'

/** The peers of other nodes in the rooms of this one. */
export interface Seats {
  /** A room has its first peer of this node: those of other nodes are there already. */
  bringIn(room: LiveRoom, members: readonly Member[]): void
  /** A peer of another node is somewhere, or something about it has changed there. */
  arrive(peer: RemotePeer, place: Place): void
  /** A peer of another node is no longer there. */
  depart(peer: RemotePeer, room_id: string, cause: LeaveCause): void
}

/** @see Seats */
export function createSeats(options: {
  rooms: ReadonlyMap<string, LiveRoom>
  byUser: Multimap<string, Peer>
  elsewhere: Pick<Directory, 'inRoom'>
  freshPresence(): Occupant['presence']
  leave(occupant: Occupant, cause: LeaveCause): void
  /** Shows the peers of this node what is to be shown of an occupant. */
  show(occupant: Occupant): void
  /** Reads again whether a peer is still a member where it is, and what. */
  recheck(peer: Peer): Promise<void>
}): Seats {
  const { rooms, byUser } = options

  function seat(peer: RemotePeer, room: LiveRoom, { role, member_seq, status, note, last_seen }: Place): Occupant {
    const presence = { ...options.freshPresence(), status, note, last_seen }
    const occupant: Occupant = { peer, room, role, member_seq, seq: room.seq, presence }
    room.occupants.set(peer.peer_id, occupant)
    peer.entered(occupant)
    return occupant
  }

  return {
    bringIn(room, members) {
      const byId = new Map(members.map((member) => [member.user_id, member]))
      for (const peer of options.elsewhere.inRoom(room.room_id)) {
        const [member, place] = [byId.get(peer.user_id), peer.places.get(room.room_id)]
        if (member && place) seat(peer, room, { ...place, role: member.role, member_seq: member.member_seq })
      }
    },
    arrive(peer, place) {
      byUser.add(peer.user_id, peer)
      const room = rooms.get(place.room_id)
      if (!room || room.here === 0) return
      const known = peer.rooms.get(place.room_id)
      const occupant = known ?? seat(peer, room, place)
      const { status, note, last_seen } = place
      Object.assign(occupant.presence, { status, note, last_seen })
      options.show(occupant)
      // The word of its arrival may have been overtaken by that of its removal.
      if (!known) options.recheck(peer).catch(() => {})
    },
    depart(peer, room_id, cause) {
      const occupant = peer.rooms.get(room_id)
      if (occupant) options.leave(occupant, cause)
      if (peer.places.size === 0) byUser.delete(peer.user_id, peer)
    },
  }
}
