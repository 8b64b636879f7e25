import assert from 'node:assert/strict'
import { fingerprint } from '../sdp.ts'
import { refused, type Meeting, type Role, type World } from '../world.ts'
import type { Frame, Wire } from '../wire.ts'

/** A candidate of §8. */
export const address = (host: string, port = 40_000, type = 'host') => ({ host, port, type })
/** Where the requester can be reached. */
export const own = address('192.0.2.10')
/** Where the acceptor can be reached. */
export const theirs = address('2001:db8::1', 40_001, 'srflx')

/** A room with peers who can hold sessions. */
export async function agents(t: World, ...roles: ['owner', ...Role[]]): Promise<Meeting> {
  const meeting = await t.meet(...roles)
  t.needs(meeting.peers[0]!, 'p2p')
  return meeting
}

/** How a session is asked for; what is left out is sound. */
export interface Request {
  purpose?: string
  token?: string
  candidates?: object[]
  fingerprint?: string
  more?: object
}

/** Asks for a session without waiting; returns the id of the request. */
export async function request(
  t: World,
  from: Wire,
  to: string,
  room_id: string,
  options: Request = {},
): Promise<string> {
  const { purpose = 'share:file', candidates = [own], more = {} } = options
  const cap_token = options.token ?? (await t.grant(from, room_id, [purpose]))
  const payload = { room_id, purpose, cap_token, candidates, fingerprint: options.fingerprint ?? fingerprint() }
  return from.send('p2p.session.request', to, { ...payload, ...more })
}

/** Asks, and waits for the error that answers it at once. */
export async function denial(t: World, from: Wire, to: string, room: string, options: Request, ...codes: string[]) {
  const asked = await request(t, from, to, room, options)
  return refused(await from.next((frame) => frame.reply_to === asked), ...codes)
}

/** The session that an event is about. */
export const sessionOf = (frame: Frame): string => String(frame.payload.session_id)

/** A session that both ends know of. */
export async function session(t: World, a: Wire, b: Wire, room: string, options: Request = {}) {
  const prints = { a: fingerprint(), b: fingerprint() }
  const asked = await request(t, a, b.peer_id, room, { ...options, fingerprint: prints.a })
  const session_id = sessionOf(await b.next('p2p.session.request'))
  const accept = { session_id, candidates: [theirs], fingerprint: prints.b }
  const acceptor = await b.ask('p2p.session.accept', 'server', accept)
  assert.equal(acceptor.type, 'p2p.session.created', JSON.stringify(acceptor))
  const requester = await a.next((frame) => frame.reply_to === asked)
  assert.equal(requester.type, 'p2p.session.created', JSON.stringify(requester))
  return { session_id, prints, requester, acceptor }
}

/** What either end says when it is done. */
export const close = (session_id: string, more: object = {}) => ({ session_id, reason: 'completed', ...more })
