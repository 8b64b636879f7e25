import * as v from 'valibot'
import { field, notice, request } from '../define.ts'

/** The access token that what a host application proved was exchanged for. `expires_in` in seconds. */
const exchanged = { access_token: v.optional(v.string()), expires_in: v.optional(field.count) }

/** Opening, keeping and ending a connection. */
export const systemClientEvents = {
  'system.hello': request({
    doc: 'The first frame of a connection: who this is. The token may instead stand in `Authorization: Bearer` on the upgrade request.',
    reply: 'system.welcome',
    payload: v.strictObject({
      token: v.optional(field.token),
      device_id: v.optional(field.deviceId),
      client: v.optional(
        v.strictObject({
          name: v.pipe(v.string(), v.maxLength(64)),
          version: v.pipe(v.string(), v.maxLength(64)),
        }),
      ),
      resume: v.optional(
        v.strictObject({
          session_id: field.sessionId,
          token: v.pipe(v.string(), v.maxLength(128)),
          received: field.count,
        }),
      ),
    }),
  }),
  'system.ping': request({
    doc: 'Asks whether the other end is there; either end may ask.',
    reply: 'system.pong',
    payload: v.strictObject({}),
  }),
  'system.pong': request({
    doc: 'Answers a `system.ping` of the server.',
    reply: null,
    payload: v.strictObject({}),
  }),
  'system.ack': request({
    doc: 'Says how many frames after the welcome the client has taken in.',
    reply: null,
    payload: v.strictObject({ received: field.count }),
  }),
  'system.token.refresh': request({
    doc: 'Puts a fresh access token of the same user and device in the place of the one that is about to expire.',
    reply: 'system.token.refreshed',
    payload: v.strictObject({ token: field.token }),
  }),
}

export const systemServerEvents = {
  'system.welcome': notice({
    doc: 'Answers the hello: the connection is authenticated and this is its peer id. `resume.received` counts the frames that the session has taken in, the hello left out: a client that resumes sends those after them again, and nothing is lost or done twice. `access_token`, good for REST and `expires_in` seconds, is there where a session of the host application was exchanged for it.',
    payload: v.strictObject({
      session_id: field.sessionId,
      peer_id: field.peerId,
      user_id: field.userId,
      device_id: v.optional(field.deviceId),
      resumed: v.boolean(),
      resume: v.strictObject({ token: v.string(), window_s: field.count, received: field.count }),
      heartbeat_s: field.count,
      limits: v.looseObject({}),
      server_time: field.instant,
      features: v.array(v.string()),
      ...exchanged,
    }),
  }),
  'system.ping': notice({ doc: 'Asks whether the client is there.', payload: v.strictObject({}) }),
  'system.pong': notice({ doc: 'Answers a ping.', payload: v.strictObject({}) }),
  'system.token.expiring': notice({
    doc: 'The access token of this connection is about to expire: send a `system.token.refresh`.',
    payload: v.strictObject({ expires_at: field.instant }),
  }),
  'system.token.refreshed': notice({
    doc: 'The fresh token is in force. It also comes without having been asked for, when the host application vouches for its session again.',
    payload: v.strictObject({ expires_at: field.instant, ...exchanged }),
  }),
  'system.draining': notice({
    doc: 'The server is about to stop: reconnect after this many milliseconds, which differ from client to client.',
    payload: v.strictObject({ reconnect_after_ms: field.count }),
  }),
}
