import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { classes } from '../budget.ts'
import { rule, type Case } from '../case.ts'
import { rtcId, sdp } from '../sdp.ts'
import { closes, delay, has, refused, type World } from '../world.ts'
import type { Frame, Wire } from '../wire.ts'

interface Burst {
  /** Answers that were no RATE_LIMITED, with what the class forgave meanwhile taken off. */
  taken: number
  limited: Frame[]
}

/** Sends so many events at once, each of which is answered, and counts what was taken. */
async function burst(peer: Wire, count: number, event: () => [type: string, to: string, payload: object]) {
  const answers = await Promise.all(Array.from({ length: count }, () => peer.ask(...event())))
  const limited = answers.filter(({ code }) => code === 'RATE_LIMITED')
  return { taken: count - limited.length, limited } satisfies Burst
}

/** Holds a class to its burst of §12: all of it is taken, and little more. */
async function holds(peer: Wire, name: keyof typeof classes, event: () => [string, string, object]): Promise<void> {
  const { burst: size, per_s } = classes[name]
  const started = Date.now()
  const { taken, limited } = await burst(peer, size + 8, event)
  // Whatever flows back while the burst is under way may be taken as well.
  const more = Math.ceil(((Date.now() - started) / 1000) * per_s)
  assert.ok(taken >= size && taken <= size + more, `${taken} of ${size + 8} were taken, the burst is ${size}`)
  for (const { payload } of limited) {
    has(payload, { retryable: true })
    assert.ok(Number(payload.retry_after_ms) > 0, 'retry_after_ms')
  }
}

const nobody = `peer_${'n'.repeat(22)}`

/** A peer of somebody whose buckets are full, as those of everybody are who is lent to a case. */
async function rested(t: World): Promise<Wire> {
  const [user] = await t.people(1)
  return t.connect(user!)
}

/** §12: sizes and rates, with the default limits. */
export const limits: Case[] = [
  rule('limits.chat', '§12', 'Chat: 10 at once, 1 a second.', async (t) => {
    const [user] = await t.people(1)
    const peer = await t.enter(user!, await t.room(user!))
    const room = String(peer.all('room.joined')[0]!.payload.room_id)
    await holds(peer, 'chat', () => ['chat.message.send', room, { text: 'x' }])
  }),
  rule('limits.capability', '§12', 'capability.request: 20 at once, 2 a second.', async (t) => {
    const room_id = `room_${'n'.repeat(22)}`
    await holds(await rested(t), 'capability', () => ['capability.request', 'server', { room_id, caps: ['call'] }])
  }),
  rule('limits.sdp', '§12', 'rtc.offer and rtc.answer together: 10 at once, 1 a second.', async (t) => {
    let turn = 0
    await holds(await rested(t), 'sdp', () =>
      turn++ % 2 === 0
        ? ['rtc.answer', nobody, { rtc_id: rtcId(), sdp: sdp() }]
        : ['rtc.offer', nobody, { rtc_id: rtcId(), room_id: `room_${'n'.repeat(22)}`, purpose: 'call', sdp: sdp() }],
    )
  }),
  rule('limits.ice', '§12', 'rtc.ice: 60 at once, 20 a second.', async (t) => {
    await holds(await rested(t), 'ice', () => ['rtc.ice', nobody, { rtc_id: rtcId(), candidate: null }])
  }),
  rule('limits.presence', '§12', 'Presence: 5 at once, 1 a second.', async (t) => {
    const room = `room_${'n'.repeat(22)}`
    await holds(await rested(t), 'presence', () => ['presence.update', room, { status: 'away' }])
  }),
  rule('limits.other', '§12', 'Anything else: 20 at once, 5 a second.', async (t) => {
    const [user] = await t.people(1)
    const peer = await t.connect(user!)
    await holds(peer, 'other', () => ['system.ping', 'server', {}])
  }),
  rule('limits.p2p', '§12', 'p2p.*: 10 at once, 1 a second.', async (t) => {
    const peer = await rested(t)
    t.needs(peer, 'p2p')
    const closed = { session_id: `p2p_${'n'.repeat(22)}`, reason: 'completed' }
    await holds(peer, 'p2p', () => ['p2p.session.closed', 'server', closed])
  }),
  rule('limits.terminal', '§12', 'terminal.*: 20 at once, 5 a second.', async (t) => {
    const peer = await rested(t)
    t.needs(peer, 'terminal')
    const stop = { terminal_id: `term_${'n'.repeat(22)}` }
    await holds(peer, 'terminal', () => ['terminal.share.stop', 'server', stop])
  }),
  rule('limits.retry', '§3 §12', 'After retry_after_ms there is room again.', async (t) => {
    const peer = await rested(t)
    const { limited } = await burst(peer, 21, () => ['system.ping', 'server', {}])
    await delay(Number(limited[0]!.payload.retry_after_ms) + 50)
    has(await peer.ask('system.ping', 'server', {}), { type: 'system.pong' })
  }),
  rule(
    'limits.reconnect',
    '§12',
    'Buckets belong to the user: a second socket or a reconnect refills none.',
    async (t) => {
      const [user] = await t.people(1)
      const ask = (): [string, string, object] => ['presence.update', `room_${'n'.repeat(22)}`, { status: 'away' }]
      const [first, second] = [await t.connect(user!), await t.connect(user!)]
      await burst(first, 6, ask)
      refused(await second.ask(...ask()), 'RATE_LIMITED')
      first.socket.terminate()
      refused(await (await t.connect(user!)).ask(...ask()), 'RATE_LIMITED')
    },
  ),
  rule('limits.repeats-count', '§12 §13', 'A repeated id is answered, but is not free of the limits.', async (t) => {
    const [user] = await t.people(1)
    const room = await t.room(user!)
    const peer = await t.enter(user!, room)
    const same = { id: randomUUID() }
    for (let i = 0; i < 10; i++) await peer.ask('chat.message.send', room, { text: 'x' }, same)
    refused(await peer.ask('chat.message.send', room, { text: 'x' }), 'RATE_LIMITED')
  }),
  rule(
    'limits.frames',
    '§12',
    'A connection has 60 frames a second, 120 at once; keeping on closes with 4005.',
    async (t) => {
      const peer = await rested(t)
      for (let i = 0; i < 400 && peer.socket.readyState === 1; i++) peer.raw('garbage counts before it is read')
      await closes(peer, 4005)
      const limited = peer.all(({ code }) => code === 'RATE_LIMITED')
      assert.ok(limited.length > 0, 'RATE_LIMITED comes first')
    },
  ),
  rule(
    'limits.bytes',
    '§12',
    'A connection has 64 KiB a second, 256 KiB at once, in raw bytes; more closes with 4005.',
    async (t) => {
      const peer = await rested(t)
      const text = 'x'.repeat(60_000)
      for (let i = 0; i < 4; i++) peer.raw(text)
      await t.settle(peer)
      for (let i = 0; i < 6; i++) peer.raw(text)
      await closes(peer, 4005)
    },
  ),
  rule(
    'limits.keeping-on',
    '§12',
    'Running on against the limit of a class closes with 4005 in the end.',
    async (t) => {
      const peer = await rested(t)
      for (let i = 0; i < 110; i++) peer.send('presence.update', `room_${'n'.repeat(22)}`, { status: 'away' })
      await closes(peer, 4005)
    },
  ),
  rule('limits.sizes', '§12', 'Each class has its bytes; beyond them it is MESSAGE_TOO_LARGE.', async (t) => {
    const peer = await rested(t)
    const room_id = `room_${'n'.repeat(22)}`
    const pad = (bytes: number) => 'x'.repeat(bytes)
    const over: [string, string, object][] = [
      ['capability.request', 'server', { room_id, caps: [pad(1_024)] }],
      ['chat.message.send', room_id, { text: pad(4_097) }],
      ['presence.update', room_id, { status: 'away', note: pad(512) }],
      ['rtc.ice', nobody, { rtc_id: rtcId(), candidate: { candidate: pad(1_025) } }],
      ['rtc.bye', nobody, { rtc_id: rtcId(), reason: pad(8_192) }],
      ['p2p.session.request', nobody, { room_id, purpose: pad(8_192) }],
      ['terminal.share.start', room_id, { room_id, title: pad(1_024) }],
      ['room.join', room_id, { pad: pad(8_192) }],
      ['system.ping', 'server', { pad: pad(8_192) }],
    ]
    for (const [type, to, payload] of over) refused(await peer.ask(type, to, payload), 'MESSAGE_TOO_LARGE')
  }),
  rule('limits.token-not-counted', '§12', 'The bytes of a payload are those without its cap_token.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const offer = { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: sdp(), cap_token: 'x'.repeat(8_000) }
    refused(await peers[0]!.ask('rtc.offer', nobody, offer), 'CAP_INVALID')
  }),
  rule('limits.neighbours', '§12', 'What one user overruns costs no other.', async (t) => {
    const [owner, member, loud] = await t.people(3)
    const others = [member!, loud!].map((user) => [user, 'member'] as const)
    const room = await t.room(owner!, others)
    const peers = [await t.enter(owner!, room), await t.enter(member!, room)]
    const peer = await t.enter(loud!, room)
    for (let i = 0; i < 300 && peer.socket.readyState === 1; i++) peer.raw('noise')
    await closes(peer, 4005)
    has(await peers[1]!.ask('chat.message.send', room, { text: 'calm' }), { type: 'chat.message.created' })
    await peers[0]!.next('chat.message.created')
  }),
]
