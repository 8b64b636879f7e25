import type { Area, Engine, Occupant, Snapshot } from '../context.ts'
import type { ServerPayload } from '../protocol.ts'
import type { roomClientEvents } from './events.ts'

/** Entering and leaving. `announce` and `show` are what presence makes of an occupant. */
export function createRooms(
  engine: Engine,
  presence: { announce(occupant: Occupant): void; show(occupant: Occupant): ServerPayload<'presence.update'> },
): Area<keyof typeof roomClientEvents> {
  function joined(occupant: Occupant, { room, members, role }: Snapshot): ServerPayload<'room.joined'> {
    return {
      room_id: room.room_id,
      name: room.name,
      role,
      caps: [...engine.capsOf(role, room.policy)],
      members: members.map(({ user_id, username, role }) => ({ user_id, username, role })),
      peers: [...occupant.room.occupants.values()].map(presence.show),
      terminals: [],
      seq: room.seq,
    }
  }

  return {
    handlers: {
      async 'room.join'({ peer, to, id }) {
        await engine.enter(peer, to, (occupant, snapshot, isNew) => {
          engine.tell(peer, 'room.joined', joined(occupant, snapshot), { reply_to: id, room: occupant.room })
          if (isNew) presence.announce(occupant)
        })
        return engine.answered
      },

      'room.leave'({ at }) {
        engine.leave(at, 'left')
        return { room_id: at.room.room_id, peer_id: at.peer.peer_id, reason: 'left' }
      },
    },
  }
}
