import * as v from 'valibot'
import type { Action } from './acl.ts'
import type { LimitClass } from './limits.ts'

/** What the `to` of a client's event names: the server, a room, a peer, device or user in a room, or (`agent`) never a user. */
export type Address = 'server' | 'room' | 'peer' | 'agent'

/** The closed object every payload is: unknown fields are refused. */
export type PayloadSchema = v.StrictObjectSchema<v.ObjectEntries, undefined>

/** How the sender has to belong to the room that an event names: by membership, by having joined with this peer, or not. */
export type Belonging = 'member' | 'joined' | null

/** An event that a client sends: what it may carry, who may send it, and what it costs. */
export interface ClientEvent<
  S extends PayloadSchema = PayloadSchema,
  R extends string | null = string | null,
  M extends Belonging = Belonging,
> {
  readonly doc: string
  readonly to: Address
  readonly payload: S
  /** The event that answers it, or null where only an error is ever answered. */
  readonly reply: R
  readonly limit: LimitClass
  readonly room: M
  /** What the sender's role must allow. */
  readonly may: Action | null
  /**
   * Whether a repeated id is answered like the first time and acts once: for the device or user, or for this `peer` alone
   * where the answer is of no use to another.
   */
  readonly once: boolean | 'peer'
  /** Whether the server passes it on to the peer it names, under the same type. */
  readonly relayed: boolean
}

/** An event that the server sends. */
export interface ServerEvent<S extends PayloadSchema = PayloadSchema> {
  readonly doc: string
  readonly payload: S
}

interface RequestOptions<S extends PayloadSchema, R extends string | null, M extends Belonging> {
  doc: string
  payload: S
  reply: R
  to?: Address
  limit?: LimitClass
  room?: M
  may?: Action
  once?: boolean | 'peer'
}

/** Defines an event that a client asks of the server. `to` is `server` and the limit class `other` unless told. */
export function request<const S extends PayloadSchema, const R extends string | null, const M extends Belonging = null>(
  options: RequestOptions<S, R, M>,
): ClientEvent<S, R, M> {
  const { doc, payload, reply, to = 'server', limit = 'other', may = null, once = false } = options
  // Left out, `room` is null, which is also what M is inferred to be then.
  const room = (options.room ?? null) as M
  return { doc, to, limit, room, may, once, payload, reply, relayed: false }
}

/**
 * Defines a signal that the server passes on to the peer, device or user in `to` after it has checked it. A `cap_token`
 * in the payload is for the server and is taken out before.
 */
export function relay<const S extends PayloadSchema>(options: {
  doc: string
  payload: S
  limit: LimitClass
}): ClientEvent<S, null, null> {
  return { ...options, to: 'peer', reply: null, room: null, may: null, once: false, relayed: true }
}

/** Defines an event that only the server sends. */
export function notice<const S extends PayloadSchema>(options: { doc: string; payload: S }): ServerEvent<S> {
  return options
}

/** The kinds of object that have an id; an id is `<kind>_` and at least 128 random bits, URL-safe. */
export type IdKind = 'usr' | 'dev' | 'peer' | 'room' | 'term' | 'sess' | 'p2p' | 'rtc' | 'msg' | 'inv'

const octets = (count: number) => `[0-9A-F]{2}(:[0-9A-F]{2}){${count - 1}}`

const id = (kind: IdKind) => v.pipe(v.string(), v.regex(new RegExp(`^${kind}_[A-Za-z0-9_-]{22,64}$`)))

/** Field schemas that several areas share; wire schemas hold nothing that JSON Schema could not say. */
export const field = {
  userId: id('usr'),
  deviceId: id('dev'),
  peerId: id('peer'),
  roomId: id('room'),
  sessionId: id('sess'),
  rtcId: id('rtc'),
  p2pId: id('p2p'),
  terminalId: id('term'),
  messageId: id('msg'),
  inviteId: id('inv'),
  role: v.picklist(['owner', 'member', 'guest']),
  /** A token as it comes. It may be longer than any good one, so that it is judged as a token and answered as one. */
  token: v.pipe(v.string(), v.maxLength(8192)),
  /** One capability: a word of the contract's, or of the host application's own. */
  capability: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,31}(:[a-z][a-z0-9-]{0,31})?$/)),
  /** The digest of a certificate as SDP writes it (RFC 8122), sha-256 or stronger, in capitals. */
  fingerprint: v.pipe(
    v.string(),
    v.regex(new RegExp(`^(sha-256 ${octets(32)}|sha-384 ${octets(48)}|sha-512 ${octets(64)})$`)),
  ),
  /** A count, size or sequence number. */
  count: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** An instant, ISO 8601 in UTC. */
  instant: v.pipe(v.string(), v.isoTimestamp()),
}
