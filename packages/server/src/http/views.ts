import {
  field,
  iceServer,
  policySchema,
  serverEvents,
  toInstant,
  type Device,
  type Invite,
  type Member,
  type Room,
  type RoomEvent,
} from '@mesh/core'
import * as v from 'valibot'

// What REST shows of the objects there are.

/** A user, as administrators and the user see it. */
export const userView = v.strictObject({
  user_id: field.userId,
  username: v.string(),
  admin: v.boolean(),
  disabled: v.boolean(),
  created_at: field.instant,
})

/** What goes with a login. `expires_in` in seconds. */
export const tokenView = v.strictObject({
  access_token: v.string(),
  token_type: v.literal('Bearer'),
  expires_in: field.count,
  refresh_token: v.string(),
})

/** A device, with the thumbprint (RFC 7638) of its key. `last_seen` is null until it has come for the first time. */
export const deviceView = v.strictObject({
  device_id: field.deviceId,
  user_id: field.userId,
  name: v.string(),
  jkt: v.string(),
  created_at: field.instant,
  expires_at: field.instant,
  last_seen: v.nullable(field.instant),
})

export const roomView = v.strictObject({
  room_id: field.roomId,
  name: v.string(),
  owner_user_id: field.userId,
  created_at: field.instant,
  policy: policySchema,
  seq: field.count,
})

export const memberView = v.strictObject({
  room_id: field.roomId,
  user_id: field.userId,
  username: v.string(),
  role: field.role,
  created_at: field.instant,
})

/** An invitation; its code is with whoever made it. Without `created_by` it is an administrator's. */
export const inviteView = v.strictObject({
  invite_id: field.inviteId,
  room_id: field.roomId,
  role: field.role,
  created_by: v.optional(field.userId),
  created_at: field.instant,
  expires_at: field.instant,
  max_uses: field.count,
  uses: field.count,
})

/** A durable event, with the payload it had on the wire. */
export const eventView = v.strictObject({
  seq: field.count,
  type: v.string(),
  id: v.pipe(v.string(), v.uuid()),
  timestamp: field.instant,
  from: v.string(),
  to: field.roomId,
  payload: v.looseObject({ seq: field.count }),
})

/** A chat message, as the event that told of it had it. */
export const messageView = serverEvents['chat.message.created'].payload

/** A capability token, as over the socket. */
export const capabilityView = serverEvents['capability.granted'].payload

/** STUN and TURN servers as browsers take them, good until `expires_at`. */
export const iceServersView = v.strictObject({ ice_servers: v.array(iceServer), expires_at: field.instant })

/** The names that the OpenAPI document gives them. */
export const views = {
  User: userView,
  Tokens: tokenView,
  Device: deviceView,
  Room: roomView,
  Member: memberView,
  Invite: inviteView,
  Event: eventView,
  Message: messageView,
  Capability: capabilityView,
  IceServers: iceServersView,
}

export function viewOfDevice({ device_id, user_id, name, jkt, created_at, expires_at, last_seen }: Device) {
  const seen = last_seen === null ? null : toInstant(last_seen)
  const span = { created_at: toInstant(created_at), expires_at: toInstant(expires_at) }
  return { device_id, user_id, name, jkt, ...span, last_seen: seen }
}

export function viewOfRoom({ room_id, name, owner_user_id, created_at, policy, seq }: Room) {
  return { room_id, name, owner_user_id, created_at: toInstant(created_at), policy, seq }
}

export function viewOfMember({ room_id, user_id, username, role, created_at }: Member) {
  return { room_id, user_id, username, role, created_at: toInstant(created_at) }
}

export function viewOfInvite({ created_by, created_at, expires_at, ...invite }: Invite) {
  return {
    ...invite,
    ...(created_by === null ? {} : { created_by }),
    created_at: toInstant(created_at),
    expires_at: toInstant(expires_at),
  }
}

export function viewOfEvent({ seq, id, type, at, from, room_id, payload }: RoomEvent) {
  return { seq, type, id, timestamp: toInstant(at), from, to: room_id, payload: { ...payload, seq } }
}
