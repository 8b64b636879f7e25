import type { Area, Engine } from '../context.ts'
import type { capabilityClientEvents } from './events.ts'
import type { Grant } from './grant.ts'

/** Capability tokens over the socket: for the peer that asks. */
export function createCapabilities(engine: Engine, grant: Grant): Area<keyof typeof capabilityClientEvents> {
  return {
    handlers: {
      async 'capability.request'({ peer, payload, at }) {
        const { room_id } = payload
        const occupant = peer.rooms.get(room_id)
        // A right is handed out by what is stored. Of somebody who is not in the room it has just been read.
        if (occupant) await engine.refresh(peer)
        if (peer.rooms.get(room_id) !== occupant) return engine.notInRoom(room_id)
        return grant(payload, peer.peer_id, peer, at)
      },
    },
  }
}
