import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { bare, candidate, fingerprint, rtcId, sdp, sdpOf } from '../sdp.ts'
import { delay, has, refused } from '../world.ts'
import { open, ring } from './calls.ts'

/** §7 and §13: what descriptions and candidates may hold. */
export const rtcContents: Case[] = [
  rule(
    'rtc.media',
    '§7',
    'The media lines must fit the purpose: no data channel in a call, no audio in a share.',
    async (t) => {
      const { room, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const token = await t.grant(a!, room, ['call', 'screen', 'share:file', 'share:folder', 'terminal:view'])
      const offer = (purpose: string, media: string) => ({
        rtc_id: rtcId(),
        room_id: room,
        purpose,
        sdp: sdp(media),
        cap_token: token,
      })
      for (const [purpose, media] of [
        ['call', 'application'],
        ['screen', 'application'],
        ['share:file', 'audio'],
        ['share:folder', 'video'],
        ['terminal:view', 'audio'],
      ] as const) {
        refused(await a!.ask('rtc.offer', b!.peer_id, offer(purpose, media)), 'BAD_MESSAGE')
      }
      for (const [purpose, media] of [
        ['call', 'video'],
        ['screen', 'video'],
        ['share:file', 'application'],
        ['terminal:view', 'application'],
      ] as const) {
        a!.send('rtc.offer', b!.peer_id, offer(purpose, media))
        has((await b!.next('rtc.offer')).payload, { purpose })
      }
      assert.equal(b!.all('rtc.offer').length, 4)
    },
  ),
  rule(
    'rtc.media-later',
    '§7',
    'An answer or a renewed offer may not bring in what the purpose does not hold.',
    async (t) => {
      const { room, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const token = await t.grant(a!, room, ['call', 'share:file'])
      const rtc_id = await ring(t, a!, b!.peer_id, room, { token })
      await b!.next('rtc.offer')
      refused(await b!.ask('rtc.answer', a!.peer_id, { rtc_id, sdp: sdp('application') }), 'BAD_MESSAGE')
      b!.send('rtc.answer', a!.peer_id, { rtc_id, sdp: sdp() })
      await a!.next('rtc.answer')
      const offer = { rtc_id, room_id: room, purpose: 'call', sdp: sdp('application'), cap_token: token }
      refused(await a!.ask('rtc.offer', b!.peer_id, offer), 'BAD_MESSAGE')
      const share = { ...offer, purpose: 'share:file' }
      // The purpose is fixed when the session opens; the contract names no code for trying.
      refused(await a!.ask('rtc.offer', b!.peer_id, share), 'CONFLICT', 'BAD_MESSAGE', 'CAP_INVALID')
    },
  ),
  rule('rtc.sdp', '§7', 'SDP needs a sha-256 fingerprint or stronger, and no a=crypto.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const cap_token = await t.grant(a!, room, ['call'])
    const sha1 = `a=fingerprint:sha-1 ${Array(20).fill('AB').join(':')}`
    const wrong = [
      bare('audio'),
      bare('audio', [sha1]),
      bare('audio', [`a=fingerprint:${fingerprint()}`, sha1]),
      bare('audio', ['a=fingerprint:sha-256 AB:CD']),
      sdp('audio', ['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj']),
      'no description',
      '',
    ]
    for (const text of wrong) {
      const offer = { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: text, cap_token }
      refused(await a!.ask('rtc.offer', b!.peer_id, offer), 'BAD_MESSAGE')
    }
    const rtc_id = await open(t, b!, a!, room)
    refused(await a!.ask('rtc.answer', b!.peer_id, { rtc_id, sdp: bare('audio') }), 'BAD_MESSAGE')
  }),
  rule('rtc.sdp-size', '§7 §12', 'SDP has at most 64 KiB.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const offer = { room_id: room, purpose: 'call', cap_token: await t.grant(a!, room, ['call']) }
    const large = sdpOf(65_536)
    a!.send('rtc.offer', b!.peer_id, { ...offer, rtc_id: rtcId(), sdp: large })
    has((await b!.next('rtc.offer')).payload, { sdp: large })
    const over = { ...offer, rtc_id: rtcId(), sdp: sdpOf(65_537) }
    refused(await a!.ask('rtc.offer', b!.peer_id, over), 'MESSAGE_TOO_LARGE')
  }),
  rule('rtc.candidate', '§7 §13', 'A candidate is an RTCIceCandidateInit of at most 1 KiB, or null.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const rtc_id = await open(t, a!, b!, room)
    const long = { ...candidate(), candidate: `candidate:1 ${'x'.repeat(1_100)}` }
    refused(await a!.ask('rtc.ice', b!.peer_id, { rtc_id, candidate: long }), 'MESSAGE_TOO_LARGE')
    for (const wrong of ['candidate:1', 7, { ...candidate(), extra: 1 }, { sdpMid: '0' }, undefined]) {
      refused(await a!.ask('rtc.ice', b!.peer_id, { rtc_id, candidate: wrong }), 'BAD_MESSAGE')
    }
  }),
  rule('rtc.candidates', '§7', 'A side has 64 candidates in a generation.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const rtc_id = await open(t, a!, b!, room)
    for (let i = 1; i <= 64; i++) {
      a!.send('rtc.ice', b!.peer_id, { rtc_id, candidate: candidate(i) })
      if (i === 40) await delay(1_500)
    }
    const error = await a!.ask('rtc.ice', b!.peer_id, { rtc_id, candidate: candidate(65) })
    // The contract names no code for this one.
    refused(error, 'RATE_LIMITED', 'CONFLICT', 'BAD_MESSAGE')
    await t.settle(a!)
    assert.equal(b!.all('rtc.ice').length, 64)
  }),
  rule('rtc.id', '§13', 'rtc_id is rtc_ and at least 128 random bits, the reason one of the list.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const cap_token = await t.grant(a!, room, ['call'])
    for (const rtc_id of ['rtc_short', rtcId().slice(4), `p2p_${rtcId().slice(4)}`, 7]) {
      const offer = { rtc_id, room_id: room, purpose: 'call', sdp: sdp(), cap_token }
      refused(await a!.ask('rtc.offer', b!.peer_id, offer), 'BAD_MESSAGE')
    }
    const rtc_id = await open(t, a!, b!, room)
    refused(await a!.ask('rtc.bye', b!.peer_id, { rtc_id, reason: 'because' }), 'BAD_MESSAGE')
  }),
]
