import type { Area, Engine, Occupant, Snapshot } from '../context.ts'
import type { ServerPayload } from '../protocol.ts'
import type { roomClientEvents } from './events.ts'

type Joined = ServerPayload<'room.joined'>

/** What other areas make of what is in a room. */
export interface Shows {
  announce(occupant: Occupant): void
  presence(occupant: Occupant): Joined['peers'][number]
  terminals(open: Snapshot['terminals']): Joined['terminals']
}

/** Entering and leaving. */
export function createRooms(engine: Engine, show: Shows): Area<keyof typeof roomClientEvents> {
  function joined(occupant: Occupant, { room, members, terminals, role }: Snapshot): Joined {
    return {
      room_id: room.room_id,
      name: room.name,
      role,
      caps: [...engine.capsOf(role, room.policy)],
      members: members.map(({ user_id, username, role }) => ({ user_id, username, role })),
      peers: [...occupant.room.occupants.values()].map(show.presence),
      terminals: show.terminals(terminals),
      ...(room.policy.relay_only ? { relay_only: true } : {}),
      // To who is here already what the snapshot knows and nobody has told yet is still to come.
      seq: occupant.seq,
    }
  }

  return {
    handlers: {
      async 'room.join'({ peer, to, id }) {
        await engine.enter(peer, to, (occupant, snapshot, isNew) => {
          engine.tell(peer, 'room.joined', joined(occupant, snapshot), { reply_to: id, room: occupant.room })
          if (isNew) show.announce(occupant)
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
