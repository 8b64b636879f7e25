import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rule, type Case } from '../case.ts'
import { has, id, refused } from '../world.ts'

/** §5 and §13: messages that are never lost and never doubled. */
export const chat: Case[] = [
  rule(
    'chat.created',
    '§5',
    'A message reaches everybody once; the sender has its one copy as the reply.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member', 'guest')
      const [a, b, c] = peers
      const seq = Number((await c!.ask('room.join', room, {})).payload.seq)
      const text = 'Grüße, 世界 👋 "\\'
      const reply = await c!.ask('chat.message.send', room, { text })
      has(reply, { type: 'chat.message.created', to: room })
      has(reply.payload, { message_id: id('msg'), seq: seq + 1, user_id: users[2]!.user_id, text })
      assert.ok(!Number.isNaN(Date.parse(String(reply.payload.created_at))), 'created_at')
      for (const peer of [a!, b!]) {
        const copy = await peer.next('chat.message.created')
        assert.deepEqual([copy.payload, copy.reply_to], [reply.payload, undefined])
      }
      await t.settle(a!, b!, c!)
      for (const peer of peers) assert.equal(peer.all('chat.message.created').length, 1)
    },
  ),
  rule('chat.other-peers', '§5', "The sender's other peers get the message without reply_to.", async (t) => {
    const { room, users, peers } = await t.meet('owner')
    const second = await t.enter(users[0]!, room)
    await peers[0]!.ask('chat.message.send', room, { text: 'to myself' })
    assert.equal((await second.next('chat.message.created')).reply_to, undefined)
  }),
  rule('chat.size', '§5 §12', 'A text has 1 to 4,096 bytes of UTF-8.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const [a] = peers
    refused(await a!.ask('chat.message.send', room, { text: '' }), 'BAD_MESSAGE')
    refused(await a!.ask('chat.message.send', room, { text: 'x'.repeat(4_097) }), 'MESSAGE_TOO_LARGE')
    refused(await a!.ask('chat.message.send', room, { text: '€'.repeat(1_366) }), 'MESSAGE_TOO_LARGE')
    for (const text of ['x', 'x'.repeat(4_096), `${'€'.repeat(1_365)}x`]) {
      has((await a!.ask('chat.message.send', room, { text })).payload, { text })
    }
  }),
  rule('chat.repeat', '§2 §13', 'A repeated id acts once and is answered like the first time.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const same = { id: randomUUID() }
    const first = await a!.ask('chat.message.send', room, { text: 'once' }, same)
    const second = await a!.ask('chat.message.send', room, { text: 'once' }, same)
    assert.deepEqual(second.payload, first.payload)
    await t.settle(a!, b!)
    assert.equal(b!.all('chat.message.created').length, 1)
  }),
  rule('chat.repeat-later', '§2 §13', 'A repeated id acts once across reconnects.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const same = { id: randomUUID() }
    const first = await peers[0]!.ask('chat.message.send', room, { text: 'once' }, same)
    peers[0]!.socket.terminate()
    const again = await t.enter(users[0]!, room)
    const second = await again.ask('chat.message.send', room, { text: 'once' }, same)
    assert.deepEqual(second.payload, first.payload)
    const { body } = await t.api(users[0], 'GET', `/rooms/${room}/messages`)
    assert.equal((body.data as unknown[]).length, 1)
    await t.settle(again)
    assert.equal(peers[1]!.all('chat.message.created').length, 1)
  }),
  rule('chat.repeat-other', '§13', 'The same id with another text, or in another room, is CONFLICT.', async (t) => {
    const { room, users, peers } = await t.meet('owner')
    const other = await t.room(users[0]!)
    await peers[0]!.ask('room.join', other, {})
    const same = { id: randomUUID() }
    await peers[0]!.ask('chat.message.send', room, { text: 'once' }, same)
    refused(await peers[0]!.ask('chat.message.send', room, { text: 'twice' }, same), 'CONFLICT')
    refused(await peers[0]!.ask('chat.message.send', other, { text: 'once' }, same), 'CONFLICT')
  }),
  rule('chat.repeat-other-user', '§13', "Another user's message under the same id is its own.", async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const same = { id: randomUUID() }
    const first = await peers[0]!.ask('chat.message.send', room, { text: 'mine' }, same)
    const second = await peers[1]!.ask('chat.message.send', room, { text: 'yours' }, same)
    has(second.payload, { text: 'yours', seq: Number(first.payload.seq) + 1 })
  }),
  rule('chat.order', '§5', 'Everybody sees one order, and seq has no gap, whoever writes at once.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member', 'member')
    const sent = peers.flatMap((peer) =>
      Array.from({ length: 5 }, (_, i) => peer.ask('chat.message.send', room, { text: `${i}` })),
    )
    await Promise.all(sent)
    for (const peer of peers) await peer.next(() => peer.all('chat.message.created').length === 15)
    const seen = peers.map((peer) => peer.all('chat.message.created').map(({ payload }) => Number(payload.seq)))
    const [start = 0] = seen[0] ?? []
    const expected = Array.from({ length: 15 }, (_, i) => start + i)
    for (const seqs of seen) assert.deepEqual(seqs, expected)
    const { body } = await t.api(users[1], 'GET', `/rooms/${room}/events?after=${start - 1}`)
    assert.deepEqual(
      (body.data as { seq: number }[]).map(({ seq }) => seq),
      expected,
    )
  }),
  rule(
    'chat.events',
    '§5 §11',
    'GET events after= has every durable event, page by page, without a gap.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      for (let i = 0; i < 4; i++) await peers[1]!.ask('chat.message.send', room, { text: `${i}` })
      const seqs: number[] = []
      for (let after = 0; ; after = seqs.at(-1) ?? 0) {
        const { body } = await t.api(users[1], 'GET', `/rooms/${room}/events?after=${after}&limit=2`)
        const data = body.data as { seq: number; payload: { text?: string } }[]
        seqs.push(...data.map(({ seq }) => seq))
        if (data.length < 2) break
      }
      assert.ok(seqs.length >= 5, `${seqs.length} events`)
      assert.deepEqual(
        seqs,
        seqs.map((_, i) => i + 1),
      )
    },
  ),
  rule(
    'chat.messages',
    '§11',
    'GET messages before_seq= has the messages below a seq, the latest of them.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner')
      const sent: number[] = []
      for (let i = 0; i < 4; i++) {
        sent.push(Number((await peers[0]!.ask('chat.message.send', room, { text: `${i}` })).payload.seq))
      }
      const { body } = await t.api(users[0], 'GET', `/rooms/${room}/messages?before_seq=${sent[3]}&limit=2`)
      const data = body.data as Record<string, unknown>[]
      assert.deepEqual(
        data.map(({ seq }) => Number(seq)).toSorted((x, y) => x - y),
        [sent[1], sent[2]],
      )
      has(data[0], { message_id: id('msg'), user_id: users[0]!.user_id })
    },
  ),
]
