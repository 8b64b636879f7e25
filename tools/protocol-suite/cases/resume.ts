import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { candidate, rtcId, sdp } from '../sdp.ts'
import { closes, has, refused } from '../world.ts'
import type { Frame } from '../wire.ts'
import { agents, close, denial, session } from './agents.ts'
import { open } from './calls.ts'
import { comeBack, lost, resumed, texts, ticketOf } from './tickets.ts'

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
      back.socket.terminate()
      await back.closed
      // Numbers go on from what the client said it has, not from what was sent the first time.
      const received = ticketOf(b!, 2).received + back.frames.length - 1
      const again = await comeBack(t, users[1]!, { ...ticketOf(back), received })
      has(again.answer.payload, { resumed: true })
      await t.settle(again.wire)
      assert.deepEqual(texts(again.wire), [])
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
    'resume.session',
    '§2 §8',
    'A session between agents survives a short drop; a new request meanwhile is UNROUTABLE.',
    async (t) => {
      const { room, users, peers } = await agents(t, 'owner', 'member')
      const [a, b] = peers
      const { session_id } = await session(t, a!, b!, room)
      const token = await t.grant(a!, room, ['share:file'])
      await t.settle(a!, b!)
      b!.socket.terminate()
      await a!.next(({ type, payload }) => type === 'presence.update' && payload.status === 'reconnecting')
      await denial(t, a!, b!.peer_id, room, { token }, 'UNROUTABLE')
      has(await a!.ask('p2p.session.closed', 'server', close(session_id)), { type: 'p2p.session.closed' })
      const back = await resumed(t, users[1]!, b!)
      has((await back.next('p2p.session.closed')).payload, { session_id, reason: 'completed' })
      assert.deepEqual(back.all('p2p.session.request'), [])
    },
  ),
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
