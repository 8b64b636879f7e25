import assert from 'node:assert/strict'
import { rule, slowRule, type Case } from '../case.ts'
import { candidate, rtcId, sdp } from '../sdp.ts'
import { has, refused } from '../world.ts'
import { bye, open, ring } from './calls.ts'

/** §7: offers, answers, candidates and goodbyes between two ends. */
export const rtc: Case[] = [
  rule('rtc.call', '§7', 'Offer, answer, candidates and bye go from end to end as they were written.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const cap_token = await t.grant(a!, room, ['call'])
    const offer = { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: sdp('audio', ['a=x-kept: as  it is ']) }
    a!.send('rtc.offer', b!.peer_id, { ...offer, cap_token })
    assert.deepEqual((await b!.next('rtc.offer')).payload, offer)
    const { rtc_id } = offer
    const answer = { rtc_id, sdp: sdp('video') }
    b!.send('rtc.answer', a!.peer_id, answer)
    has(await a!.next('rtc.answer'), { from: b!.peer_id, payload: answer })
    for (const [from, to] of [
      [a!, b!],
      [b!, a!],
    ] as const) {
      from.send('rtc.ice', to.peer_id, { rtc_id, candidate: candidate() })
      from.send('rtc.ice', to.peer_id, { rtc_id, candidate: null })
      assert.deepEqual((await to.next('rtc.ice')).payload, { rtc_id, candidate: candidate() })
      assert.deepEqual((await to.next('rtc.ice')).payload, { rtc_id, candidate: null })
    }
    b!.send('rtc.bye', a!.peer_id, { rtc_id, reason: 'hangup' })
    has(await a!.next('rtc.bye'), { from: b!.peer_id, payload: { rtc_id, reason: 'hangup' } })
    assert.deepEqual(
      [...a!.frames, ...b!.frames].filter((frame) => frame.type.startsWith('rtc.') && frame.reply_to),
      [],
      'rtc.* is answered only by an error',
    )
    refused(await a!.ask('rtc.bye', b!.peer_id, { rtc_id, reason: 'hangup' }), 'NOT_FOUND')
  }),
  rule(
    'rtc.strangers',
    '§3 §7',
    'Answer, candidate and bye of somebody else are NOT_FOUND, as of no session.',
    async (t) => {
      const { room, peers } = await t.meet('owner', 'member', 'member')
      const [a, b, c] = peers
      const rtc_id = await ring(t, a!, b!.peer_id, room)
      await b!.next('rtc.offer')
      for (const id of [rtc_id, rtcId()]) {
        for (const to of [a!.peer_id, b!.peer_id]) {
          refused(await c!.ask('rtc.answer', to, { rtc_id: id, sdp: sdp() }), 'NOT_FOUND')
          refused(await c!.ask('rtc.ice', to, { rtc_id: id, candidate: candidate() }), 'NOT_FOUND')
          refused(await c!.ask('rtc.bye', to, { rtc_id: id, reason: 'hangup' }), 'NOT_FOUND')
        }
      }
      await t.settle(c!)
      assert.deepEqual([...a!.all('rtc.answer'), ...b!.all('rtc.ice'), ...b!.all('rtc.bye')], [])
    },
  ),
  rule('rtc.taken-id', '§7', "Another pair's rtc_id cannot be taken over.", async (t) => {
    const { room, peers } = await t.meet('owner', 'member', 'member')
    const [a, b, c] = peers
    const rtc_id = await open(t, a!, b!, room)
    const cap_token = await t.grant(c!, room, ['call'])
    const offer = { rtc_id, room_id: room, purpose: 'call', sdp: sdp(), cap_token }
    refused(await c!.ask('rtc.offer', b!.peer_id, offer), 'NOT_FOUND', 'CONFLICT')
    refused(await c!.ask('rtc.offer', a!.peer_id, offer), 'NOT_FOUND', 'CONFLICT')
    await t.settle(c!)
    assert.equal(b!.all('rtc.offer').length, 1)
  }),
  rule('rtc.held-candidates', '§7', "The callee's candidates wait for its answer, the caller's do not.", async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const rtc_id = await ring(t, a!, b!.peer_id, room)
    a!.send('rtc.ice', b!.peer_id, { rtc_id, candidate: candidate(1) })
    assert.deepEqual((await b!.next('rtc.ice')).payload, { rtc_id, candidate: candidate(1) })
    for (const index of [2, 3]) b!.send('rtc.ice', a!.peer_id, { rtc_id, candidate: candidate(index) })
    await t.settle(b!)
    assert.deepEqual(a!.all('rtc.ice'), [], 'not before the answer')
    b!.send('rtc.answer', a!.peer_id, { rtc_id, sdp: sdp() })
    await a!.next('rtc.answer')
    assert.deepEqual((await a!.next('rtc.ice')).payload, { rtc_id, candidate: candidate(2) })
    assert.deepEqual((await a!.next('rtc.ice')).payload, { rtc_id, candidate: candidate(3) })
    const order = a!.frames.map(({ type }) => type)
    assert.ok(order.indexOf('rtc.answer') < order.indexOf('rtc.ice'), 'the answer first')
  }),
  rule('rtc.order', '§2 §4', 'What one peer sends another arrives in the order it was sent.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const rtc_id = await open(t, a!, b!, room)
    for (let i = 1; i <= 30; i++) a!.send('rtc.ice', b!.peer_id, { rtc_id, candidate: candidate(i) })
    for (let i = 1; i <= 30; i++) assert.deepEqual((await b!.next('rtc.ice')).payload.candidate, candidate(i))
  }),
  rule('rtc.renegotiate', '§7', 'Either end may renew the offer, with a live token of its own.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const rtc_id = await open(t, a!, b!, room)
    for (const [from, to] of [
      [a!, b!],
      [b!, a!],
    ] as const) {
      const offer = { rtc_id, room_id: room, purpose: 'call', sdp: sdp('video') }
      refused(await from.ask('rtc.offer', to.peer_id, offer), 'CAP_REQUIRED')
      refused(await from.ask('rtc.offer', to.peer_id, { ...offer, cap_token: 'forged' }), 'CAP_INVALID')
      await ring(t, from, to.peer_id, room, { rtc_id, media: 'video' })
      has(
        (await to.next((frame) => frame.type === 'rtc.offer' && frame.from === from.peer_id && taken(frame))).payload,
        {
          rtc_id,
        },
      )
      to.send('rtc.answer', from.peer_id, { rtc_id, sdp: sdp('video') })
      has((await from.next('rtc.answer')).payload, { rtc_id })
    }
    function taken({ payload }: { payload: Readonly<Record<string, unknown>> }) {
      return String(payload.sdp).includes('m=video')
    }
  }),
  rule(
    'rtc.glare',
    '§7',
    'When both renew at once both offers arrive, and the answer of the polite end settles it.',
    async (t) => {
      const { room, peers } = await t.meet('owner', 'member')
      const rtc_id = await open(t, peers[0]!, peers[1]!, room)
      const [polite, impolite] = peers[0]!.peer_id < peers[1]!.peer_id ? peers : peers.toReversed()
      const tokens = [await t.grant(polite!, room, ['call']), await t.grant(impolite!, room, ['call'])]
      await Promise.all([
        ring(t, polite!, impolite!.peer_id, room, { rtc_id, media: 'video', token: tokens[0]! }),
        ring(t, impolite!, polite!.peer_id, room, { rtc_id, media: 'video', token: tokens[1]! }),
      ])
      const renewed = (peer: typeof polite) =>
        peer!.next((frame) => frame.type === 'rtc.offer' && String(frame.payload.sdp).includes('m=video'))
      await Promise.all([renewed(polite), renewed(impolite)])
      polite!.send('rtc.answer', impolite!.peer_id, { rtc_id, sdp: sdp('video') })
      await impolite!.next((frame) => frame.type === 'rtc.answer' && String(frame.payload.sdp).includes('m=video'))
      impolite!.send('rtc.ice', polite!.peer_id, { rtc_id, candidate: candidate() })
      await polite!.next('rtc.ice')
      for (const peer of peers) assert.deepEqual(peer.all('error'), [])
    },
  ),
  rule(
    'rtc.second-answer',
    '§7',
    'An answer needs an offer: a second one, or one to oneself, is refused.',
    async (t) => {
      const { room, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const rtc_id = await open(t, a!, b!, room)
      refused(await b!.ask('rtc.answer', a!.peer_id, { rtc_id, sdp: sdp() }), 'CONFLICT', 'NOT_FOUND')
      const second = await ring(t, a!, b!.peer_id, room)
      await b!.next((frame) => frame.payload.rtc_id === second)
      refused(await a!.ask('rtc.answer', b!.peer_id, { rtc_id: second, sdp: sdp() }), 'CONFLICT', 'NOT_FOUND')
    },
  ),
  rule('rtc.leaving', '§5 §7', 'Who leaves the room leaves its calls: the other end gets a bye.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const rtc_id = await open(t, a!, b!, room)
    await b!.ask('room.leave', room, {})
    await bye(a!, rtc_id, 'hangup', 'failed')
    refused(await a!.ask('rtc.ice', b!.peer_id, { rtc_id, candidate: candidate() }), 'NOT_FOUND')
  }),
  slowRule(
    30,
    'rtc.timeout',
    '§7',
    'No answer in 30 s: rtc.bye timeout for both ends, and a missed call.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const rtc_id = await ring(t, a!, b!.peer_id, room)
      await b!.next('rtc.offer')
      const started = Date.now()
      const timedOut = (frame: { type: string }) => frame.type === 'rtc.bye'
      has((await a!.next(timedOut, 40_000)).payload, { rtc_id, reason: 'timeout' })
      const waited = Date.now() - started
      assert.ok(waited > 28_000 && waited < 36_000, `after ${waited} ms`)
      has((await b!.next(timedOut)).payload, { rtc_id, reason: 'timeout' })
      refused(await b!.ask('rtc.answer', a!.peer_id, { rtc_id, sdp: sdp() }), 'NOT_FOUND')
      has((await a!.next('call.missed')).payload, {
        from_user_id: users[0]!.user_id,
        to_user_id: users[1]!.user_id,
        purpose: 'call',
        count: 1,
      })
    },
  ),
]
