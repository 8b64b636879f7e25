import assert from 'node:assert/strict'
import type { User } from '../users.ts'
import { has, type World } from '../world.ts'
import type { Frame, Wire } from '../wire.ts'

export interface Ticket {
  session_id: string
  token: string
  received: number
}

/** What a client needs to come back: `less` is how many of the frames it came by it says it did not get. */
export function ticketOf(wire: Wire, less = 0): Ticket {
  const { session_id, resume } = wire.welcome.payload as { session_id: string; resume: { token: string } }
  const received = wire.frames.indexOf(wire.welcome) === -1 ? 0 : wire.frames.length - 1
  return { session_id, token: resume.token, received: received - less }
}

/** Says hello with a ticket; resolves with the new connection, welcomed or not. */
export async function comeBack(t: World, user: User, resume: Ticket): Promise<{ wire: Wire; answer: Frame }> {
  const wire = await t.open({ as: user })
  return { wire, answer: await wire.ask('system.hello', 'server', { token: user.token, resume }) }
}

/** The same, where it has to be taken up. */
export async function resumed(t: World, user: User, wire: Wire, less = 0): Promise<Wire> {
  const back = await comeBack(t, user, ticketOf(wire, less))
  has(back.answer, { type: 'system.welcome' })
  has(back.answer.payload, { resumed: true, peer_id: wire.peer_id, session_id: wire.welcome.payload.session_id })
  return back.wire
}

/** The same, where a new session has to begin. */
export async function anew(t: World, user: User, resume: Ticket, old: Wire): Promise<Wire> {
  const { wire, answer } = await comeBack(t, user, resume)
  has(answer, { type: 'system.welcome' })
  has(answer.payload, { resumed: false, user_id: user.user_id })
  assert.notEqual(answer.payload.peer_id, old.peer_id, 'a new peer')
  return wire
}

/** An owner and a member in a room, the member's socket lost without a word, and the owner knows. */
export async function lost(t: World) {
  const { room, users, peers } = await t.meet('owner', 'member')
  const [a, b] = peers
  await t.settle(a!, b!)
  b!.socket.terminate()
  await b!.closed
  await a!.next(({ type, payload }) => type === 'presence.update' && payload.status === 'reconnecting')
  return { room, a: a!, b: b!, owner: users[0]!, user: users[1]! }
}

/** The messages that came, in order. */
export const texts = (wire: Wire) => wire.all('chat.message.created').map(({ payload }) => payload.text)
