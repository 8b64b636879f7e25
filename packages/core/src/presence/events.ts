import * as v from 'valibot'
import { field, notice, request } from '../define.ts'

const note = v.optional(v.pipe(v.string(), v.maxLength(128)))

/** Who is here, and whether they can be disturbed. */
export const presenceClientEvents = {
  'presence.update': request({
    doc: 'Says how available this peer is in a room.',
    to: 'room',
    room: 'joined',
    may: 'presence',
    limit: 'presence',
    reply: null,
    payload: v.strictObject({ status: v.picklist(['online', 'away', 'busy']), note }),
  }),
}

export const presenceServerEvents = {
  'presence.update': notice({
    doc: 'The state of another peer in the room. Coalesced: the latest state, at most one per peer and 250 ms.',
    payload: v.strictObject({
      peer_id: field.peerId,
      user_id: field.userId,
      device_id: v.optional(field.deviceId),
      status: v.picklist(['online', 'away', 'busy', 'reconnecting', 'offline']),
      note,
      last_seen: field.instant,
    }),
  }),
}
