import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rule, type Case } from '../case.ts'
import { rtcId, sdp } from '../sdp.ts'
import { has, refused } from '../world.ts'

const envelope = () => ({
  type: 'system.ping',
  id: randomUUID() as string,
  timestamp: new Date().toISOString(),
  to: 'server',
  payload: {},
})

/** §2 and §13: what is around a payload. */
export const envelopeCases: Case[] = [
  rule(
    'envelope.complete',
    '§2',
    'An envelope without type, id, timestamp, to or payload is BAD_MESSAGE.',
    async (t) => {
      const [user] = await t.people(1)
      const wire = await t.connect(user!)
      for (const missing of ['type', 'id', 'timestamp', 'to', 'payload']) {
        const frame = { ...envelope(), [missing]: undefined }
        wire.raw(JSON.stringify(frame))
        const answer = refused(await wire.next('error'), 'BAD_MESSAGE')
        if (missing !== 'id' && answer.reply_to !== undefined) assert.equal(answer.reply_to, frame.id, missing)
      }
    },
  ),
  rule(
    'envelope.kinds',
    '§2',
    'Fields of the wrong kind are BAD_MESSAGE, and so is what is no JSON object.',
    async (t) => {
      const [user] = await t.people(1)
      const wire = await t.connect(user!)
      const wrong = [
        'no json',
        '[]',
        'null',
        '"text"',
        JSON.stringify({ ...envelope(), id: 'seven' }),
        JSON.stringify({ ...envelope(), timestamp: 'yesterday' }),
        JSON.stringify({ ...envelope(), payload: [] }),
        JSON.stringify({ ...envelope(), payload: null }),
        JSON.stringify({ ...envelope(), to: 7 }),
        JSON.stringify({ ...envelope(), type: 7 }),
      ]
      for (const text of wrong) {
        wire.raw(text)
        refused(await wire.next('error'), 'BAD_MESSAGE')
      }
      await t.settle(wire)
    },
  ),
  rule('envelope.from-own', '§2', 'A client may write its own peer id as from.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    has(await wire.ask('system.ping', 'server', {}, { from: wire.peer_id }), { type: 'system.pong' })
  }),
  rule('envelope.from-forged', '§2', 'Any other from is BAD_MESSAGE and nothing is relayed.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    for (const from of [b!.peer_id, 'server', users[0]!.user_id, '', 'nobody']) {
      refused(await a!.ask('chat.message.send', room, { text: 'forged' }, { from }), 'BAD_MESSAGE')
    }
    await t.settle(a!)
    assert.deepEqual(b!.all('chat.message.created'), [])
  }),
  rule('envelope.relay', '§2', "A relayed signal has the sender's peer id, id and timestamp.", async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const cap_token = await t.grant(a!, room, ['call'])
    const timestamp = '2026-01-02T03:04:05.678Z'
    const payload = { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: sdp() }
    const sent = a!.send('rtc.offer', b!.peer_id, { ...payload, cap_token }, { timestamp })
    const offer = await b!.next('rtc.offer')
    has(offer, { from: a!.peer_id, timestamp, id: sent, payload })
  }),
  rule('envelope.server-time', '§2', "What the server makes has the server's timestamp and a fresh id.", async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    const answer = await wire.ask('system.ping', 'server', {}, { timestamp: '2001-01-01T00:00:00.000Z' })
    assert.ok(Math.abs(Date.parse(answer.timestamp) - Date.now()) < 60_000, answer.timestamp)
    assert.notEqual(answer.id, answer.reply_to)
  }),
  rule('envelope.unknown-field', '§2', "An unknown field in a client's payload is BAD_MESSAGE.", async (t) => {
    const { room, peers } = await t.meet('owner')
    const [a] = peers
    const wrong: [string, string, object][] = [
      ['system.ping', 'server', { extra: 1 }],
      ['room.join', room, { extra: 1 }],
      ['chat.message.send', room, { text: 'hello', extra: 1 }],
      ['presence.update', room, { status: 'away', extra: 1 }],
      ['capability.request', 'server', { room_id: room, caps: ['call'], extra: 1 }],
      ['rtc.bye', a!.peer_id, { rtc_id: rtcId(), reason: 'hangup', extra: 1 }],
    ]
    for (const [type, to, payload] of wrong) refused(await a!.ask(type, to, payload), 'BAD_MESSAGE')
  }),
  rule('envelope.proto', '§2', 'Fields named like parts of an object are unknown fields as well.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    for (const name of ['__proto__', 'constructor', 'prototype', 'toString']) {
      const frame = envelope()
      wire.raw(JSON.stringify(frame).replace('"payload":{}', `"payload":{"${name}":{"x":1}}`))
      refused(await wire.next((answer) => answer.reply_to === frame.id), 'BAD_MESSAGE')
    }
  }),
  rule('envelope.unknown-type', '§13', 'An unknown event type is BAD_MESSAGE with reason unknown_type.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    const unknown = [
      'no.such.event',
      'system.welcome',
      'room.joined',
      'error',
      '__proto__',
      'constructor',
      'toString',
      '',
    ]
    for (const type of unknown) {
      has(refused(await wire.ask(type, 'server', {}), 'BAD_MESSAGE').payload, { reason: 'unknown_type' }, type)
    }
  }),
  rule('envelope.address', '§13', 'Each event has its kind of target; another kind is BAD_MESSAGE.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const user = users[1]!.user_id
    const cap_token = await t.grant(a!, room, ['call'])
    const offer = { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: sdp(), cap_token }
    const wrong: [string, string, object][] = [
      ['room.join', 'server', {}],
      ['room.leave', b!.peer_id, {}],
      ['chat.message.send', user, { text: 'hello' }],
      ['presence.update', 'server', { status: 'away' }],
      ['capability.request', room, { room_id: room, caps: ['call'] }],
      ['system.ping', b!.peer_id, {}],
      ['rtc.offer', 'server', offer],
      ['rtc.offer', room, offer],
    ]
    for (const [type, to, payload] of wrong) refused(await a!.ask(type, to, payload), 'BAD_MESSAGE')
    await t.settle(a!)
    assert.deepEqual([b!.all('rtc.offer'), b!.all('chat.message.created')], [[], []])
  }),
  rule('envelope.deep', '§2 §3', 'Deeply nested JSON is refused and harms nobody.', async (t) => {
    const [user, other] = await t.people(2)
    const [wire, neighbour] = [await t.connect(user!), await t.connect(other!)]
    const frame = envelope()
    const deep = '['.repeat(20_000) + ']'.repeat(20_000)
    wire.raw(JSON.stringify(frame).replace('"payload":{}', `"payload":{"x":${deep}}`))
    refused(await wire.next('error'), 'BAD_MESSAGE', 'MESSAGE_TOO_LARGE')
    await t.settle(wire, neighbour)
  }),
]
