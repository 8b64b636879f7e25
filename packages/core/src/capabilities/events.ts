import * as v from 'valibot'
import { field, notice, request } from '../define.ts'

/** The fields in which a request over the socket and one over REST agree. */
export const capabilityFields = {
  caps: v.pipe(v.array(field.capability), v.minLength(1), v.maxLength(8)),
  target_peer_id: v.optional(field.peerId),
  target_device_id: v.optional(field.deviceId),
  max_size: v.optional(field.count),
  max_rate: v.optional(field.count),
  ttl_s: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(60), v.maxValue(180))),
}

/** A STUN or TURN server as browsers take it (RTCIceServer); STUN needs no credentials. */
export const iceServer = v.strictObject({
  urls: v.array(v.string()),
  username: v.optional(v.string()),
  credential: v.optional(v.string()),
})

/** Short-lived tokens that say what a peer may do in a room. */
export const capabilityClientEvents = {
  'capability.request': request({
    doc: 'Asks for a capability token for this peer, granted whole or refused. It lives 60 to 180 s, 120 by default.',
    room: 'member',
    may: 'capability',
    limit: 'capability',
    once: 'peer',
    reply: 'capability.granted',
    payload: v.strictObject({ room_id: field.roomId, ...capabilityFields }),
  }),
}

export const capabilityServerEvents = {
  'capability.granted': notice({
    doc: 'The token, for this peer alone: it is checked again on every use. Where the server has STUN or TURN servers for what it is for, they come with it, good until `ice_expires_at`.',
    payload: v.strictObject({
      token: field.token,
      caps: v.array(v.string()),
      expires_at: field.instant,
      ice_servers: v.optional(v.array(iceServer)),
      ice_expires_at: v.optional(field.instant),
    }),
  }),
}
