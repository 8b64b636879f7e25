import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { candidate, rtcId, sdp } from '../sdp.ts'
import type { User } from '../users.ts'
import { closes, has, refused, type World } from '../world.ts'
import type { Frame, Wire } from '../wire.ts'
import { open } from './calls.ts'

interface Ticket {
  session_id: string
  token: string
  received: number
}

/** What a client needs to come back: `less` is how many of the frames it came by it says it did not get. */
function ticketOf(wire: Wire, less = 0): Ticket {
  const { session_id, resume } = wire.welcome.payload as { session_id: string; resume: { token: string } }
  const received = wire.frames.indexOf(wire.welcome) === -1 ? 0 : wire.frames.length - 1
  return { session_id, token: resume.token, received: received - less }
}

/** Says hello with a ticket; resolves with the new connection, welcomed or not. */
async function comeBack(t: World, user: User, resume: Ticket): Promise<{ wire: Wire; answer: Frame }> {
  const wire = await t.open({ as: user })
  return { wire, answer: await wire.ask('system.hello', 'server', { token: user.token, resume }) }
}

/** The same, where it has to be taken up. */
async function resumed(t: World, user: User, wire: Wire, less = 0): Promise<Wire> {
  const back = await comeBack(t, user, ticketOf(wire, less))
  has(back.answer, { type: 'system.welcome' })
  has(back.answer.payload, { resumed: true, peer_id: wire.peer_id, session_id: wire.welcome.payload.session_id })
  return back.wire
}

/** The same, where a new session has to begin. */
async function anew(t: World, user: User, resume: Ticket, old: Wire): Promise<Wire> {
  const { wire, answer } = await comeBack(t, user, resume)
  has(answer, { type: 'system.welcome' })
  has(answer.payload, { resumed: false, user_id: user.user_id })
  assert.notEqual(answer.payload.peer_id, old.peer_id, 'a new peer')
  return wire
}

/** An owner and a member in a room, the member's socket lost without a word, and the owner knows. */
async function lost(t: World) {
  const { room, users, peers } = await t.meet('owner', 'member')
  const [a, b] = peers
  await t.settle(a!, b!)
  b!.socket.terminate()
  await b!.closed
  await a!.next(({ type, payload }) => type === 'presence.update' && payload.status === 'reconnecting')
  return { room, a: a!, b: b!, owner: users[0]!, user: users[1]! }
}

const texts = (wire: Wire) => wire.all('chat.message.created').map(({ payload }) => payload.text)

/** §4: a session outlives its socket, and comes back whole or not at all. */
export const resume: Case[] = [
  rule('resume.window', '§4', 'The welcome gives a resume token and a window of 120 s.', async (t) => {
    const [user] = await t.people(1)
    const { token, window_s } = (await t.connect(user!)).welcome.payload.resume as { token: string; window_s: number }
    assert.ok(token.length >= 22, 'a token that cannot be guessed')
    assert.equal(window_s, 120)
  }),
  rule('resume.replay', '§4', 'What was missed is sent in order, exactly once, and nothing else.', async (t) => {
    const { room, a, b, user } = await lost(t)
    const sent: Frame[] = []
    for (let i = 0; i < 5; i++) sent.push(await a.ask('chat.message.send', room, { text: `missed ${i}` }))
    const back = await resumed(t, user, b)
    await back.next(({ payload }) => payload.text === 'missed 4')
    await a.ask('chat.message.send', room, { text: 'live' })
    await back.next(({ payload }) => payload.text === 'live')
    assert.deepEqual(texts(back), ['missed 0', 'missed 1', 'missed 2', 'missed 3', 'missed 4', 'live'])
    assert.deepEqual(
      back
        .all('chat.message.created')
        .slice(0, 5)
        .map(({ payload }) => payload.seq),
      sent.map(({ payload }) => payload.seq),
    )
    has(await back.ask('chat.message.send', room, { text: 'still in the room' }), { type: 'chat.message.created' })
  }),
  rule(
    'resume.not-received',
    '§4 §13',
    'Frames sent before the loss that the client did not get come again.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      for (let i = 0; i < 4; i++) await a!.ask('chat.message.send', room, { text: `${i}` })
      await b!.next(({ payload }) => payload.text === '3')
      b!.socket.terminate()
      const back = await resumed(t, users[1]!, b!, 2)
      await back.next(({ payload }) => payload.text === '3')
      await t.settle(back)
      assert.deepEqual(texts(back), ['2', '3'])
    },
  ),
  rule('resume.all-received', '§4', 'Who got everything gets nothing again.', async (t) => {
    const { b, user } = await lost(t)
    const back = await resumed(t, user, b)
    await t.settle(back)
    assert.deepEqual(
      back.frames.map(({ type }) => type),
      ['system.welcome', 'system.pong'],
    )
  }),
  rule('resume.again', '§4', 'A session can be resumed again and again, each time with the new token.', async (t) => {
    const { room, a, b, user } = await lost(t)
    let wire = b
    let received = ticketOf(b).received
    for (let i = 0; i < 3; i++) {
      await a.ask('chat.message.send', room, { text: `${i}` })
      const { token } = wire.welcome.payload.resume as { token: string }
      const session_id = String(b.welcome.payload.session_id)
      const back = await comeBack(t, user, { session_id, token, received })
      has(back.answer.payload, { resumed: true, peer_id: b.peer_id })
      assert.notEqual((back.answer.payload.resume as { token: string }).token, token, 'a new token')
      await back.wire.next('chat.message.created')
      await t.settle(back.wire)
      assert.deepEqual(texts(back.wire), [`${i}`])
      received += back.wire.frames.length - 1
      back.wire.socket.terminate()
      await back.wire.closed
      wire = back.wire
    }
  }),
  rule('resume.acknowledged', '§4', 'Acknowledged frames count like others in received.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    await a!.ask('chat.message.send', room, { text: 'one' })
    await b!.next('chat.message.created')
    b!.send('system.ack', 'server', { received: b!.frames.length - 1 })
    await t.settle(b!)
    b!.socket.terminate()
    await b!.closed
    await a!.ask('chat.message.send', room, { text: 'two' })
    const back = await resumed(t, users[1]!, b!)
    await back.next('chat.message.created')
    assert.deepEqual(texts(back), ['two'])
  }),
  rule('resume.single-use', '§4', 'A resume token is good once.', async (t) => {
    const { b, user } = await lost(t)
    const ticket = ticketOf(b)
    const first = await resumed(t, user, b)
    const second = await anew(t, user, ticket, b)
    await t.settle(first, second)
  }),
  rule(
    'resume.wrong-token',
    '§4',
    'A wrong token begins anew, and harms the session it was tried on in nothing.',
    async (t) => {
      const { b, user } = await lost(t)
      await anew(t, user, { ...ticketOf(b), token: 'x'.repeat(43) }, b)
      await anew(t, user, { ...ticketOf(b), session_id: `sess_${'x'.repeat(22)}` }, b)
      await resumed(t, user, b)
    },
  ),
  rule('resume.wrong-received', '§4', 'More frames than there were: never something in between.', async (t) => {
    const { b, user } = await lost(t)
    await anew(t, user, ticketOf(b, -50), b)
  }),
  rule('resume.other-user', '§4', "Nobody resumes another user's session, token or not.", async (t) => {
    const { a, b, owner, user } = await lost(t)
    const thief = await anew(t, owner, ticketOf(b), b)
    has(thief.welcome.payload, { user_id: owner.user_id })
    await t.settle(a, thief)
    assert.deepEqual(texts(thief), [])
    // The token may count as used up by that; the session must not be the thief's.
    const { answer } = await comeBack(t, user, ticketOf(b))
    has(answer, { type: 'system.welcome' })
    has(answer.payload, { user_id: user.user_id })
  }),
  rule(
    'resume.superseded',
    '§3 §4',
    'Resuming while the old socket lives takes the session over: 4006 for the old one.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      await t.settle(a!, b!)
      const back = await resumed(t, users[1]!, b!)
      await closes(b!, 4006)
      await a!.ask('chat.message.send', room, { text: 'to the new one' })
      await back.next('chat.message.created')
      assert.deepEqual(texts(b!), [])
    },
  ),
  rule('resume.presence', '§5', 'A short drop shows as reconnecting and online again, never as offline.', async (t) => {
    const { room, a, b, user } = await lost(t)
    const { payload } = await a.ask('room.join', room, {})
    const shown = (payload.peers as Record<string, unknown>[]).find(({ peer_id }) => peer_id === b.peer_id)
    has(shown, { status: 'reconnecting' })
    await resumed(t, user, b)
    const mine = (frame: Frame) => frame.type === 'presence.update' && frame.payload.peer_id === b.peer_id
    has((await a.next((frame) => mine(frame) && frame.payload.status !== 'reconnecting')).payload, { status: 'online' })
    await t.settle(a)
    assert.deepEqual(
      [a.all('room.left'), a.all((frame) => mine(frame) && frame.payload.status === 'offline')],
      [[], []],
    )
  }),
  rule(
    'resume.call',
    '§2',
    'What belongs to an open call waits for a reconnecting peer; a new offer is UNROUTABLE.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const rtc_id = await open(t, a!, b!, room)
      const cap_token = await t.grant(a!, room, ['call'])
      await t.settle(a!, b!)
      b!.socket.terminate()
      await a!.next(({ type, payload }) => type === 'presence.update' && payload.status === 'reconnecting')
      a!.send('rtc.ice', b!.peer_id, { rtc_id, candidate: candidate() })
      const offer = { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: sdp(), cap_token }
      refused(await a!.ask('rtc.offer', b!.peer_id, offer), 'UNROUTABLE')
      const back = await resumed(t, users[1]!, b!)
      assert.deepEqual((await back.next('rtc.ice')).payload, { rtc_id, candidate: candidate() })
      back.send('rtc.ice', a!.peer_id, { rtc_id, candidate: candidate(2) })
      await a!.next('rtc.ice')
      assert.deepEqual([...a!.all('rtc.bye'), ...back.all('rtc.offer')], [])
    },
  ),
  rule(
    'resume.removed',
    '§4',
    'A room one was removed from meanwhile has left nothing but its room.left.',
    async (t) => {
      const { room, a, b, owner, user } = await lost(t)
      await a.ask('chat.message.send', room, { text: 'before the removal' })
      await t.api(owner, 'DELETE', `/rooms/${room}/members/${user.user_id}`)
      await a.ask('chat.message.send', room, { text: 'after the removal' })
      const back = await resumed(t, user, b)
      has((await back.next('room.left')).payload, { room_id: room, reason: 'removed' })
      await t.settle(back)
      assert.deepEqual(
        back.frames.map(({ type }) => type),
        ['system.welcome', 'room.left', 'system.pong'],
      )
      refused(await back.ask('chat.message.send', room, { text: 'no' }), 'ACCESS_DENIED')
    },
  ),
  rule('resume.logged-out', '§4', 'A login that ended meanwhile resumes nothing.', async (t) => {
    const [owner] = await t.people(1)
    const user = await t.fresh()
    const room = await t.room(owner!, [[user, 'member']])
    const keeper = await t.enter(owner!, room)
    const wire = await t.enter(user, room)
    await t.settle(wire)
    wire.socket.terminate()
    await wire.closed
    await t.api(undefined, 'POST', '/auth/logout', { refresh_token: user.refresh_token })
    const back = await comeBack(t, user, ticketOf(wire))
    refused(back.answer, 'AUTH_INVALID')
    await closes(back.wire, 4100)
    // Another login of the same user is the same user, but the session belonged to the one that ended.
    const next = { ...user, ...(await t.users.login(user)) }
    await anew(t, next, ticketOf(wire), wire)
    await keeper.next('room.left')
  }),
  rule(
    'resume.repeat',
    '§13',
    'A request whose answer was lost is answered like the first time after a resume.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      await t.settle(a!, b!)
      const ticket = ticketOf(b!)
      const id = b!.send('chat.message.send', room, { text: 'once' })
      await a!.next('chat.message.created')
      b!.socket.terminate()
      await b!.closed
      const { wire, answer } = await comeBack(t, users[1]!, ticket)
      has(answer.payload, { resumed: true })
      wire.send('chat.message.send', room, { text: 'once' }, { id })
      await t.settle(wire)
      const answers = wire.all((frame) => frame.reply_to === id)
      assert.ok(answers.length >= 1, 'answered')
      for (const { payload } of answers) assert.deepEqual(payload, a!.all('chat.message.created')[0]!.payload)
      assert.equal(a!.all('chat.message.created').length, 1)
    },
  ),
]
