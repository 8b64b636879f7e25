import assert from 'node:assert/strict'
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose'
import { rule, slowRule, type Case } from '../case.ts'
import { fingerprint } from '../sdp.ts'
import { delay, has, id, refused } from '../world.ts'
import type { Wire } from '../wire.ts'
import { agents, close, own, request, session, sessionOf, theirs } from './agents.ts'

/** §8: two agents are introduced to each other, and parted. */
export const p2p: Case[] = [
  rule('p2p.session', '§8', 'Request, accept, and both ends learn of each other what they need.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const prints = { a: fingerprint(), b: fingerprint() }
    const params = { name: 'report.pdf', size: 1_000, mime: 'application/pdf', entries: 1 }
    const asked = await request(t, a!, b!.peer_id, room, { fingerprint: prints.a, more: { params } })
    const offer = await b!.next('p2p.session.request')
    has(offer, { from: a!.peer_id })
    has(offer.payload, { session_id: id('p2p'), room_id: room, purpose: 'share:file', candidates: [own], params })
    has(offer.payload, { fingerprint: prints.a })
    const session_id = sessionOf(offer)
    const accept = { session_id, candidates: [theirs], fingerprint: prints.b }
    const acceptor = await b!.ask('p2p.session.accept', 'server', accept)
    const requester = await a!.next((frame) => frame.reply_to === asked)
    for (const [created, peer, user, candidates, print] of [
      [requester, b!, users[1]!, [theirs], prints.b],
      [acceptor, a!, users[0]!, [own], prints.a],
    ] as const) {
      has(created, { type: 'p2p.session.created', from: 'server' })
      has(created.payload, { session_id, session_token: /^[\w-]+\.[\w-]+\.[\w-]+$/ })
      has(created.payload.peer, { peer_id: peer.peer_id, user_id: user.user_id, candidates, fingerprint: print })
      const left = Date.parse(String(created.payload.expires_at)) - Date.now()
      assert.ok(left > 40_000 && left < 75_000, `expires in ${left} ms`)
    }
    assert.notEqual(requester.payload.role, acceptor.payload.role, 'each end has its role')
  }),
  rule(
    'p2p.token',
    '§8',
    'The session token is an Ed25519 JWT of 60 s that names both ends and fingerprints, offline.',
    async (t) => {
      const { room, users, peers } = await agents(t, 'owner', 'member')
      const token = await t.grant(peers[0]!, room, ['share:file'], { max_size: 5_000, max_rate: 700 })
      const { prints, requester, acceptor } = await session(t, peers[0]!, peers[1]!, room, { token })
      const keys = (await t.http('GET', '/.well-known/jwks.json')).body as unknown as JSONWebKeySet
      for (const { payload } of [requester, acceptor]) {
        const verified = await jwtVerify(String(payload.session_token), createLocalJWKSet(keys), {
          algorithms: ['EdDSA'],
          issuer: t.issuer,
          typ: 'mesh-p2p+jwt',
        })
        const claims = verified.payload
        assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 60)
        has(claims, { purpose: 'share:file', max_size: 5_000, max_rate: 700 })
        const text = JSON.stringify(claims)
        const named = [...peers.map(({ peer_id }) => peer_id), prints.a, prints.b]
        for (const name of named) assert.ok(text.includes(name), `the token names ${name}`)
        assert.ok(users.length === 2)
      }
    },
  ),
  rule(
    'p2p.defaults',
    '§8',
    'Without limits in the capability the room policy ones hold: 1 GiB, 0 for any rate.',
    async (t) => {
      const { room, users, peers } = await agents(t, 'owner', 'member')
      const [a, b] = peers
      const limitsOf = async () => {
        const { requester } = await session(t, a!, b!, room)
        const { max_size, max_rate } = decodeJwt(String(requester.payload.session_token))
        return { max_size, max_rate }
      }
      assert.deepEqual(await limitsOf(), { max_size: 1_073_741_824, max_rate: 0 })
      await t.api(users[0], 'PATCH', `/rooms/${room}`, { policy: { max_size: 9_000, max_rate: 800 } })
      assert.deepEqual(await limitsOf(), { max_size: 9_000, max_rate: 800 })
    },
  ),
  rule('p2p.reject', '§8', 'A reject is P2P_SESSION_DENIED for the requester.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const asked = await request(t, a!, b!.peer_id, room)
    const session_id = sessionOf(await b!.next('p2p.session.request'))
    b!.send('p2p.session.reject', 'server', { session_id, reason: 'declined' })
    refused(await a!.next((frame) => frame.reply_to === asked), 'P2P_SESSION_DENIED')
    const accept = { session_id, candidates: [theirs], fingerprint: fingerprint() }
    refused(await b!.ask('p2p.session.accept', 'server', accept), 'NOT_FOUND', 'CONFLICT')
  }),
  slowRule(15, 'p2p.timeout', '§8', 'No answer in 15 s is P2P_SESSION_DENIED, and comes too late then.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const asked = await request(t, a!, b!.peer_id, room)
    const session_id = sessionOf(await b!.next('p2p.session.request'))
    const started = Date.now()
    refused(await a!.next((frame) => frame.reply_to === asked, 25_000), 'P2P_SESSION_DENIED')
    const waited = Date.now() - started
    assert.ok(waited > 14_000 && waited < 19_000, `after ${waited} ms`)
    const accept = { session_id, candidates: [theirs], fingerprint: fingerprint() }
    refused(await b!.ask('p2p.session.accept', 'server', accept), 'NOT_FOUND', 'CONFLICT')
  }),
  rule('p2p.accept-once', '§8', 'A session is accepted once.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const { session_id } = await session(t, peers[0]!, peers[1]!, room)
    const accept = { session_id, candidates: [theirs], fingerprint: fingerprint() }
    refused(await peers[1]!.ask('p2p.session.accept', 'server', accept), 'CONFLICT', 'NOT_FOUND')
    await t.settle(peers[0]!)
    assert.equal(peers[0]!.all('p2p.session.created').length, 1)
  }),
  rule('p2p.renew', '§8', 'A renewal gives both ends another token, for a live capability.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const { session_id, requester, prints } = await session(t, a!, b!, room)
    refused(await a!.ask('p2p.session.renew', 'server', { session_id }), 'CAP_REQUIRED', 'BAD_MESSAGE')
    const wrong = { session_id, cap_token: await t.grant(a!, room, ['call']) }
    refused(await a!.ask('p2p.session.renew', 'server', wrong), 'CAP_REQUIRED')
    await delay(1_100)
    const cap_token = await t.grant(a!, room, ['share:file'])
    const renewed = await a!.ask('p2p.session.renew', 'server', { session_id, cap_token })
    has(renewed, { type: 'p2p.session.renewed' })
    const other = await b!.next('p2p.session.renewed')
    for (const { payload } of [renewed, other]) {
      has(payload, { session_id })
      assert.ok(Date.parse(String(payload.expires_at)) > Date.parse(String(requester.payload.expires_at)), 'later')
      const text = JSON.stringify(decodeJwt(String(payload.session_token)))
      for (const print of Object.values(prints)) assert.ok(text.includes(print), 'the same fingerprints')
    }
  }),
  rule(
    'p2p.closed',
    '§8',
    'Either end closes: it is answered, the other is told, and the session is no more.',
    async (t) => {
      const { room, peers } = await agents(t, 'owner', 'member')
      for (const [from, to] of [
        [peers[0]!, peers[1]!],
        [peers[1]!, peers[0]!],
      ] as const) {
        const { session_id } = await session(t, peers[0]!, peers[1]!, room)
        const payload = close(session_id, { bytes: 1_000, duration_ms: 20 })
        has(await from.ask('p2p.session.closed', 'server', payload), { type: 'p2p.session.closed' })
        has(
          (await to.next((frame) => frame.type === 'p2p.session.closed' && sessionOf(frame) === session_id)).payload,
          payload,
        )
        refused(await to.ask('p2p.session.closed', 'server', close(session_id)), 'NOT_FOUND')
      }
    },
  ),
  rule('p2p.removed', '§6 §8', 'A removal closes sessions with revoked, for the end that stays.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const { session_id } = await session(t, b!, a!, room)
    const removal = t.api(users[0], 'DELETE', `/rooms/${room}/members/${users[1]!.user_id}`)
    has((await a!.next('p2p.session.closed')).payload, { session_id, reason: 'revoked' })
    await removal
    await b!.next('room.left')
    refused(await a!.ask('p2p.session.closed', 'server', close(session_id)), 'NOT_FOUND')
  }),
  rule('p2p.demoted', '§6 §8', 'A demotion closes sessions with revoked.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    const { session_id } = await session(t, peers[1]!, peers[0]!, room)
    await t.api(users[0], 'PUT', `/rooms/${room}/members/${users[1]!.user_id}`, { role: 'guest' })
    for (const peer of peers) has((await peer.next('p2p.session.closed')).payload, { session_id, reason: 'revoked' })
  }),
  rule('p2p.removed-while-asked', '§6 §8', 'A request to somebody who is removed meanwhile is denied.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    const asked = await request(t, peers[0]!, peers[1]!.peer_id, room)
    await peers[1]!.next('p2p.session.request')
    await t.api(users[0], 'DELETE', `/rooms/${room}/members/${users[1]!.user_id}`)
    refused(await peers[0]!.next((frame) => frame.reply_to === asked), 'P2P_SESSION_DENIED', 'UNROUTABLE')
  }),
  rule('p2p.left', '§8', 'Who leaves the room leaves its sessions.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const { session_id } = await session(t, peers[0]!, peers[1]!, room)
    await peers[1]!.ask('room.leave', room, {})
    has((await peers[0]!.next('p2p.session.closed')).payload, { session_id })
  }),
  slowRule(65, 'p2p.not-renewed', '§8', 'A session that is not renewed does not outlive its token.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const { session_id, requester } = await session(t, a!, b!, room)
    const end = Date.parse(String(requester.payload.expires_at))
    const closed = (peer: Wire) => peer.next('p2p.session.closed', end - Date.now() + 12_000)
    for (const { payload } of await Promise.all([closed(a!), closed(b!)]))
      has(payload, { session_id, reason: 'expired' })
    assert.ok(Date.now() >= end - 1_000, 'not before its time')
  }),
]
