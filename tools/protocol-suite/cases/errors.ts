import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { rtcId, sdp } from '../sdp.ts'
import { denied, has, refused } from '../world.ts'

const nowhere = `room_${'n'.repeat(22)}`
const nobody = `peer_${'n'.repeat(22)}`

/** §3 and §13: which error, and which one first. */
export const errors: Case[] = [
  rule(
    'errors.shape',
    '§3',
    'An error names the event it answers, to whom it goes, and whether to try again.',
    async (t) => {
      const [user] = await t.people(1)
      const wire = await t.connect(user!)
      const answer = await wire.ask('no.such.event', 'server', {})
      has(answer, { type: 'error', code: 'BAD_MESSAGE', from: 'server', to: wire.peer_id })
      has(answer.payload, { retryable: false })
      assert.ok(!('code' in answer.payload), 'the code stands at the top')
    },
  ),
  rule(
    'errors.rest-shape',
    '§3 §11',
    'REST answers {type, code, message, payload} with the HTTP status.',
    async (t) => {
      const [user] = await t.people(1)
      const answer = denied(await t.api(user, 'GET', `/rooms/${nowhere}`), 404, 'ROOM_NOT_FOUND')
      assert.deepEqual(Object.keys(answer.body).sort(), ['code', 'message', 'payload', 'type'])
      has(answer.body.payload, { retryable: false })
    },
  ),
  rule(
    'errors.room',
    '§3',
    'ROOM_NOT_FOUND where there is no room, ACCESS_DENIED where one is no member.',
    async (t) => {
      const [owner, stranger] = await t.people(2)
      const room = await t.room(owner!)
      const wire = await t.connect(stranger!)
      const events: [string, object][] = [
        ['room.join', {}],
        ['chat.message.send', { text: 'hello' }],
        ['presence.update', { status: 'away' }],
      ]
      for (const [type, payload] of events) {
        refused(await wire.ask(type, nowhere, payload), 'ROOM_NOT_FOUND')
        refused(await wire.ask(type, room, payload), 'ACCESS_DENIED')
      }
      for (const [room_id, code] of [
        [nowhere, 'ROOM_NOT_FOUND'],
        [room, 'ACCESS_DENIED'],
      ] as const) {
        refused(await wire.ask('capability.request', 'server', { room_id, caps: ['call'] }), code)
        const offer = { rtc_id: rtcId(), room_id, purpose: 'call', sdp: sdp(), cap_token: 'forged' }
        refused(await wire.ask('rtc.offer', nobody, offer), code)
      }
    },
  ),
  rule('errors.shape-before-room', '§13', 'The shape is judged before the room.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    refused(await wire.ask('chat.message.send', nowhere, { text: 7 }), 'BAD_MESSAGE')
    refused(await wire.ask('capability.request', 'server', { room_id: nowhere, caps: 'call' }), 'BAD_MESSAGE')
  }),
  rule('errors.size-before-shape', '§13', 'The size is judged before the shape.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    const extra = 'x'.repeat(9_000)
    refused(await wire.ask('room.join', nowhere, { extra }), 'MESSAGE_TOO_LARGE')
    refused(await wire.ask('capability.request', 'server', { extra }), 'MESSAGE_TOO_LARGE')
  }),
  rule('errors.capability-before-target', '§13', 'The capability is judged before the target.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const [a] = peers
    const offer = { room_id: room, purpose: 'call', sdp: sdp() }
    const ask = (more: object) => a!.ask('rtc.offer', nobody, { ...offer, rtc_id: rtcId(), ...more })
    has(refused(await ask({}), 'CAP_REQUIRED').payload, { required: 'call' })
    refused(await ask({ cap_token: 'forged' }), 'CAP_INVALID')
    refused(await ask({ cap_token: await t.grant(a!, room, ['call']) }), 'UNROUTABLE')
  }),
  rule('errors.room-before-capability', '§13', 'Room and membership are judged before the capability.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const [a] = peers
    const cap_token = await t.grant(a!, room, ['call'])
    const offer = { rtc_id: rtcId(), room_id: nowhere, purpose: 'call', sdp: sdp(), cap_token }
    refused(await a!.ask('rtc.offer', nobody, offer), 'ROOM_NOT_FOUND')
  }),
  rule('errors.unroutable', '§3', 'Not connected, unknown and not in the room are one answer.', async (t) => {
    const [a, b, c] = await t.people(3)
    const room = await t.room(a!, [
      [b!, 'member'],
      [c!, 'member'],
    ])
    const caller = await t.enter(a!, room)
    const outside = await t.connect(b!)
    const cap_token = await t.grant(caller, room, ['share:file'])
    const answers: object[] = []
    for (const to of [nobody, outside.peer_id, c!.user_id, `usr_${'n'.repeat(22)}`, `dev_${'n'.repeat(22)}`]) {
      const offer = { rtc_id: rtcId(), room_id: room, purpose: 'share:file', sdp: sdp('application'), cap_token }
      const { code, message, payload } = refused(await caller.ask('rtc.offer', to, offer), 'UNROUTABLE')
      answers.push({ code, message, payload })
    }
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    await t.settle(caller)
    assert.deepEqual(outside.all('rtc.offer'), [])
  }),
]
