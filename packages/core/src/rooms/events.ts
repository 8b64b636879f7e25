import * as v from 'valibot'
import { field, notice, request } from '../define.ts'

/** Entering and leaving a room, and what changes about it. */
export const roomClientEvents = {
  'room.join': request({
    doc: 'Enters a room of which the user is a member. Joining again answers with a fresh snapshot.',
    to: 'room',
    room: 'member',
    may: 'join',
    reply: 'room.joined',
    payload: v.strictObject({}),
  }),
  'room.leave': request({
    doc: 'Leaves a room that this peer has joined.',
    to: 'room',
    room: 'joined',
    // Sent again by somebody who has come back since, it must not send them out a second time.
    once: 'peer',
    reply: 'room.left',
    payload: v.strictObject({}),
  }),
}

export const roomServerEvents = {
  'room.joined': notice({
    doc: 'The state of the room at the moment of joining; everything later comes as events, from `seq` + 1 on. With `relay_only` its peers may only meet through a relay.',
    payload: v.strictObject({
      room_id: field.roomId,
      name: v.string(),
      role: field.role,
      caps: v.array(v.string()),
      members: v.array(v.strictObject({ user_id: field.userId, username: v.string(), role: field.role })),
      peers: v.array(
        v.strictObject({
          peer_id: field.peerId,
          user_id: field.userId,
          device_id: v.optional(field.deviceId),
          status: v.picklist(['online', 'away', 'busy', 'reconnecting', 'offline']),
          note: v.optional(v.string()),
          last_seen: field.instant,
        }),
      ),
      terminals: v.array(
        v.strictObject({
          terminal_id: field.terminalId,
          peer_id: field.peerId,
          user_id: field.userId,
          device_id: v.optional(field.deviceId),
          title: v.string(),
          cols: v.optional(field.count),
          rows: v.optional(field.count),
          holder: v.optional(field.peerId),
          fence: field.count,
          expires_at: v.optional(field.instant),
        }),
      ),
      relay_only: v.optional(v.boolean()),
      seq: field.count,
    }),
  }),
  'room.left': notice({
    doc: 'A peer is no longer in the room. To the removed peer itself it is the last event of that room.',
    payload: v.strictObject({
      room_id: field.roomId,
      peer_id: field.peerId,
      reason: v.picklist(['left', 'removed', 'deleted', 'disconnected']),
    }),
  }),
  'room.created': notice({
    doc: 'The first durable event of a room.',
    payload: v.strictObject({ user_id: field.userId, name: v.string(), seq: field.count }),
  }),
  'room.updated': notice({
    doc: 'The name or the policy of the room changed. Durable.',
    payload: v.strictObject({ name: v.optional(v.string()), policy: v.optional(v.looseObject({})), seq: field.count }),
  }),
  'room.member.added': notice({
    doc: 'Somebody became a member. Durable.',
    payload: v.strictObject({
      user_id: field.userId,
      username: v.string(),
      role: field.role,
      seq: field.count,
    }),
  }),
  'room.member.updated': notice({
    doc: 'The role of a member changed. Durable.',
    payload: v.strictObject({ user_id: field.userId, username: v.string(), role: field.role, seq: field.count }),
  }),
  'room.member.removed': notice({
    doc: 'Somebody is no longer a member. Durable.',
    payload: v.strictObject({ user_id: field.userId, seq: field.count }),
  }),
}
