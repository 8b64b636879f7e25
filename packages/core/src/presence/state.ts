import type { Occupant } from '../context.ts'
import { toInstant } from '../encoder.ts'
import type { ServerPayload } from '../protocol.ts'

/** What others are shown of a peer in a room. */
export function shownPresence({ peer, presence }: Occupant): ServerPayload<'presence.update'> {
  return {
    peer_id: peer.peer_id,
    user_id: peer.user_id,
    ...(peer.device_id === undefined ? {} : { device_id: peer.device_id }),
    status: peer.reconnecting ? 'reconnecting' : presence.status,
    ...(presence.note === undefined ? {} : { note: presence.note }),
    last_seen: toInstant(presence.last_seen),
  }
}
