import * as v from 'valibot'
import { field, notice, request } from '../define.ts'

const candidates = v.pipe(
  v.array(
    v.strictObject({
      /** An IPv4 or IPv6 address in its canonical spelling. */
      host: v.pipe(v.string(), v.minLength(2), v.maxLength(39)),
      port: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(65_535)),
      type: v.picklist(['host', 'srflx', 'prflx', 'relay']),
    }),
  ),
  v.maxLength(16),
)

// Controls, line separators, and what makes text run the other way: a name must not show as another than it is.
const unfit = '\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069'

/** What is to be transferred, for a person to decide on. */
const params = v.strictObject({
  name: v.optional(v.pipe(v.string(), v.maxLength(255), v.regex(new RegExp(`^[^${unfit}]+$`)))),
  size: v.optional(field.count),
  mime: v.optional(v.pipe(v.string(), v.maxLength(127), v.regex(/^[\w.+-]+\/[\w.+-]+$/))),
  entries: v.optional(field.count),
})

const closing = { bytes: v.optional(field.count), duration_ms: v.optional(field.count) }
const session = { session_id: field.p2pId, session_token: field.token, expires_at: field.instant }

/** Sessions between two agents: introduced here, held over QUIC, which never comes near the server. */
export const p2pClientEvents = {
  'p2p.session.request': request({
    doc: 'Asks a peer or device for a connection of their own. The token must hold the purpose.',
    to: 'agent',
    limit: 'p2p',
    once: 'peer',
    reply: 'p2p.session.created',
    payload: v.strictObject({
      room_id: field.roomId,
      purpose: field.capability,
      cap_token: v.optional(field.token),
      candidates,
      fingerprint: field.fingerprint,
      params: v.optional(params),
    }),
  }),
  'p2p.session.accept': request({
    doc: 'Agrees to a session that this peer was asked for.',
    limit: 'p2p',
    once: 'peer',
    reply: 'p2p.session.created',
    payload: v.strictObject({ session_id: field.p2pId, candidates, fingerprint: field.fingerprint }),
  }),
  'p2p.session.reject': request({
    doc: 'Refuses a session that this peer was asked for.',
    limit: 'p2p',
    once: 'peer',
    reply: 'p2p.session.closed',
    payload: v.strictObject({
      session_id: field.p2pId,
      reason: v.picklist(['declined', 'busy', 'unsupported', 'failed']),
    }),
  }),
  'p2p.session.renew': request({
    doc: 'Asks for another session token before the one in force expires; either end may. The server closes what is not renewed.',
    limit: 'p2p',
    once: 'peer',
    reply: 'p2p.session.renewed',
    payload: v.strictObject({ session_id: field.p2pId, cap_token: v.optional(field.token) }),
  }),
  'p2p.session.closed': request({
    doc: 'Says that a session is over, and how much was transferred.',
    limit: 'p2p',
    once: 'peer',
    reply: 'p2p.session.closed',
    payload: v.strictObject({
      session_id: field.p2pId,
      reason: v.picklist(['completed', 'failed', 'cancelled']),
      ...closing,
    }),
  }),
}

export const p2pServerEvents = {
  'p2p.session.request': notice({
    doc: 'Another peer, in `from`, asks for a session. To be accepted or rejected within 15 s.',
    payload: v.strictObject({
      session_id: field.p2pId,
      room_id: field.roomId,
      purpose: field.capability,
      candidates,
      fingerprint: field.fingerprint,
      params: v.optional(params),
      max_size: field.count,
      max_rate: field.count,
    }),
  }),
  'p2p.session.created': notice({
    doc: 'The session is agreed on. Verify the token, pin the fingerprint of the other end, connect.',
    payload: v.strictObject({
      ...session,
      role: v.picklist(['requester', 'acceptor']),
      peer: v.strictObject({
        peer_id: field.peerId,
        device_id: v.optional(field.deviceId),
        user_id: field.userId,
        candidates,
        fingerprint: field.fingerprint,
      }),
    }),
  }),
  'p2p.session.renewed': notice({
    doc: 'The session goes on under another token, for both ends.',
    payload: v.strictObject(session),
  }),
  'p2p.session.closed': notice({
    doc: 'The session is over: hang up. By the other end, or by the server: `revoked`, `expired`, `failed` for a lost connection, `cancelled` for one that left.',
    payload: v.strictObject({
      session_id: field.p2pId,
      reason: v.picklist(['completed', 'failed', 'cancelled', 'revoked', 'expired']),
      ...closing,
    }),
  }),
  'share.completed': notice({
    doc: 'A file or folder has arrived, over whichever kind of session. Durable.',
    payload: v.strictObject({
      from_user_id: field.userId,
      to_user_id: field.userId,
      purpose: field.capability,
      name: v.optional(v.string()),
      bytes: v.optional(field.count),
      seq: field.count,
    }),
  }),
}
