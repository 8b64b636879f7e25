import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { candidate, rtcId, sdp } from '../sdp.ts'
import { has, refused, type World } from '../world.ts'
import { bye, ring } from './calls.ts'

/** A caller and a user with several peers in one room, all of them ringing. */
async function ringing(t: World, phones: number) {
  const { room, users, peers } = await t.meet('owner', 'member')
  const callees = [peers[1]!]
  while (callees.length < phones) callees.push(await t.enter(users[1]!, room))
  const rtc_id = await ring(t, peers[0]!, users[1]!.user_id, room)
  for (const callee of callees) has((await callee.next('rtc.offer')).payload, { rtc_id })
  return { room, users, caller: peers[0]!, callees, rtc_id }
}

async function missedCalls(t: World, user: { token: string }, room: string) {
  const { body } = await t.api(user, 'GET', `/rooms/${room}/events?limit=1000`)
  return (body.data as { type: string; payload: Record<string, unknown> }[]).filter(
    ({ type }) => type === 'call.missed',
  )
}

/** §2 and §7: a call to a user rings all of their peers. */
export const ringingCases: Case[] = [
  rule(
    'ringing.first-answer',
    '§2 §7',
    'An offer to a user rings all; the first answer wins, the rest are told.',
    async (t) => {
      const { caller, callees, rtc_id } = await ringing(t, 3)
      callees[1]!.send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() })
      has(await caller.next('rtc.answer'), { from: callees[1]!.peer_id })
      for (const lost of [callees[0]!, callees[2]!]) {
        await bye(lost, rtc_id, 'answered_elsewhere')
        refused(await lost.ask('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() }), 'NOT_FOUND')
        refused(await lost.ask('rtc.ice', caller.peer_id, { rtc_id, candidate: candidate() }), 'NOT_FOUND')
        refused(await lost.ask('rtc.bye', caller.peer_id, { rtc_id, reason: 'declined' }), 'NOT_FOUND')
      }
      await t.settle(...callees)
      assert.deepEqual([caller.all('rtc.answer').length, caller.all('rtc.bye').length], [1, 0])
      assert.deepEqual(callees[1]!.all('rtc.bye'), [])
    },
  ),
  rule('ringing.one-winner', '§7', 'When all answer in one moment, one wins and each other is told.', async (t) => {
    const { caller, callees, rtc_id } = await ringing(t, 4)
    const asked = callees.map((callee) => callee.send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() }))
    await t.settle(...callees)
    const [answer, ...more] = caller.all('rtc.answer')
    assert.deepEqual(more, [], 'one answer reaches the caller')
    for (const [i, callee] of callees.entries()) {
      if (callee.peer_id === answer!.from) assert.deepEqual(callee.all('rtc.bye'), [])
      else {
        await bye(callee, rtc_id, 'answered_elsewhere')
        refused(await callee.next((frame) => frame.reply_to === asked[i]), 'NOT_FOUND')
      }
    }
  }),
  rule('ringing.decline', '§7', 'A decline ends its own fork; the last one is relayed.', async (t) => {
    const { caller, callees, rtc_id } = await ringing(t, 2)
    callees[0]!.send('rtc.bye', caller.peer_id, { rtc_id, reason: 'declined' })
    await t.settle(callees[0]!)
    assert.deepEqual([caller.all('rtc.bye'), callees[1]!.all('rtc.bye')], [[], []])
    refused(await callees[0]!.ask('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() }), 'NOT_FOUND')
    callees[1]!.send('rtc.bye', caller.peer_id, { rtc_id, reason: 'busy' })
    await bye(caller, rtc_id, 'busy')
    refused(await caller.ask('rtc.ice', callees[1]!.peer_id, { rtc_id, candidate: candidate() }), 'NOT_FOUND')
  }),
  rule('ringing.answer-after-decline', '§7', 'Another peer may still take the call that one declined.', async (t) => {
    const { caller, callees, rtc_id } = await ringing(t, 2)
    callees[0]!.send('rtc.bye', caller.peer_id, { rtc_id, reason: 'declined' })
    await t.settle(callees[0]!)
    callees[1]!.send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() })
    has(await caller.next('rtc.answer'), { from: callees[1]!.peer_id })
  }),
  rule(
    'ringing.candidates',
    '§7',
    'Candidates of a fork reach the caller only after that fork answered.',
    async (t) => {
      const { caller, callees, rtc_id } = await ringing(t, 2)
      const users = caller.all('rtc.offer').length
      assert.equal(users, 0)
      for (const [i, callee] of callees.entries()) {
        callee.send('rtc.ice', caller.peer_id, { rtc_id, candidate: candidate(i + 1) })
      }
      await t.settle(...callees)
      assert.deepEqual(caller.all('rtc.ice'), [])
      callees[0]!.send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() })
      await caller.next('rtc.ice')
      await t.settle(callees[0]!)
      assert.deepEqual(
        caller.all('rtc.ice').map(({ from }) => from),
        [callees[0]!.peer_id],
      )
    },
  ),
  rule('ringing.cancel', '§7', 'When the caller hangs up first, every fork is told.', async (t) => {
    const { users, caller, callees, rtc_id } = await ringing(t, 2)
    caller.send('rtc.bye', users[1]!.user_id, { rtc_id, reason: 'hangup' })
    for (const callee of callees) await bye(callee, rtc_id, 'hangup')
    refused(await callees[0]!.ask('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() }), 'NOT_FOUND')
  }),
  rule('ringing.in-the-room', '§2', 'Only peers in the room ring, and none of another user.', async (t) => {
    const [a, b, c] = await t.people(3)
    const room = await t.room(a!, [
      [b!, 'member'],
      [c!, 'member'],
    ])
    const [caller, inside, third] = [await t.enter(a!, room), await t.enter(b!, room), await t.enter(c!, room)]
    const outside = await t.connect(b!)
    await ring(t, caller, b!.user_id, room)
    await inside.next('rtc.offer')
    await t.settle(caller)
    assert.deepEqual([...outside.all('rtc.offer'), ...third.all('rtc.offer')], [])
  }),
  rule(
    'ringing.missed',
    '§7',
    'A call to a user who is away is UNROUTABLE and one missed call a minute.',
    async (t) => {
      const [a, b] = await t.people(2)
      const room = await t.room(a!, [[b!, 'member']])
      const caller = await t.enter(a!, room)
      const cap_token = await t.grant(caller, room, ['call'])
      for (let i = 0; i < 2; i++) {
        const offer = { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: sdp(), cap_token }
        refused(await caller.ask('rtc.offer', b!.user_id, offer), 'UNROUTABLE')
      }
      const missed = await caller.next('call.missed')
      has(missed, { from: 'server', to: room })
      has(missed.payload, { from_user_id: a!.user_id, to_user_id: b!.user_id, purpose: 'call', count: 1, seq: /^\d+$/ })
      await t.settle(caller)
      const [call, ...more] = await missedCalls(t, b!, room)
      assert.deepEqual(more, [], 'one per pair and minute')
      has(call?.payload, { count: 2 })
    },
  ),
  rule('ringing.answered-not-missed', '§7', 'A call that was answered is not missed.', async (t) => {
    const { room, users, caller, callees, rtc_id } = await ringing(t, 1)
    callees[0]!.send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdp() })
    await caller.next('rtc.answer')
    caller.send('rtc.bye', callees[0]!.peer_id, { rtc_id, reason: 'hangup' })
    await bye(callees[0]!, rtc_id, 'hangup')
    await t.settle(caller)
    assert.deepEqual(await missedCalls(t, users[0]!, room), [])
  }),
]
