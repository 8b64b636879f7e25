import assert from 'node:assert/strict'
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose'
import { rule, slowRule, type Case } from '../case.ts'
import { rtcId, sdp } from '../sdp.ts'
import { forgedAndExpired, forgeries } from '../tokens.ts'
import { delay, denied, has, refused, type World } from '../world.ts'
import type { Frame, Wire } from '../wire.ts'

const all = ['call', 'screen', 'share:file', 'share:folder', 'terminal:control', 'terminal:view']

async function keys(t: World): Promise<JSONWebKeySet> {
  return (await t.http('GET', '/.well-known/jwks.json')).body as unknown as JSONWebKeySet
}

/** Tries a token out: an offer to `to`, which is answered by an error unless the token is good. */
function use(peer: Wire, room_id: string, to: string, cap_token: string | undefined, purpose = 'call') {
  const offer = { rtc_id: rtcId(), room_id, purpose, sdp: sdp(), ...(cap_token === undefined ? {} : { cap_token }) }
  return peer.ask('rtc.offer', to, offer)
}

/** A peer that is not there: with it a good token gets as far as UNROUTABLE, which nobody else hears of. */
const nobody = `peer_${'n'.repeat(22)}`

const request = (peer: Wire, room_id: string, caps: string[], more: object = {}): Promise<Frame> =>
  peer.ask('capability.request', 'server', { room_id, caps, ...more })

/** §6: who gets which capability, what is in the token, and that each use is judged. */
export const capabilities: Case[] = [
  rule('capabilities.granted', '§6', 'A grant has token, caps and expires_at, 120 s from now.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const granted = await request(peers[0]!, room, ['call', 'screen'])
    has(granted, { type: 'capability.granted', from: 'server', to: peers[0]!.peer_id })
    const { token, caps, expires_at } = granted.payload
    assert.deepEqual((caps as string[]).toSorted(), ['call', 'screen'])
    const { exp = 0, iat = 0 } = decodeJwt(String(token))
    assert.equal(exp - iat, 120)
    assert.equal(Date.parse(String(expires_at)), exp * 1000)
    assert.ok(Math.abs(iat - Date.now() / 1000) < 10, 'issued now')
  }),
  rule(
    'capabilities.claims',
    '§6',
    'The token is an Ed25519 JWT that says exactly what §6 lists, offline.',
    async (t) => {
      const { room, peers } = await t.meet('owner')
      const [a] = peers
      const token = await t.grant(a!, room, ['share:file'], { target_peer_id: nobody, max_size: 1_000, max_rate: 500 })
      const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(await keys(t)), {
        algorithms: ['EdDSA'],
        issuer: t.issuer,
        audience: t.issuer,
        typ: 'mesh-cap+jwt',
      })
      assert.deepEqual(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ'])
      has(payload, { sub: a!.peer_id, room_id: room, caps: ['share:file'], target_peer_id: nobody })
      has(payload, { max_size: 1_000, max_rate: 500, jti: /.{16,}/, mv: /^\d+$/, sid: /^sess_/ })
      const known = ['aud', 'caps', 'exp', 'iat', 'iss', 'jti', 'max_rate', 'max_size', 'mv', 'room_id', 'sid', 'sub']
      assert.deepEqual(Object.keys(payload).sort(), [...known, 'target_peer_id'].sort())
    },
  ),
  rule(
    'capabilities.no-more-claims',
    '§6',
    'What was not asked for is not in the token; each has its own jti.',
    async (t) => {
      const { room, peers } = await t.meet('owner')
      const first = decodeJwt(await t.grant(peers[0]!, room, ['call']))
      const second = decodeJwt(await t.grant(peers[0]!, room, ['call']))
      const known = ['aud', 'caps', 'exp', 'iat', 'iss', 'jti', 'mv', 'room_id', 'sid', 'sub']
      assert.deepEqual(Object.keys(first).sort(), known)
      assert.notEqual(first.jti, second.jti)
    },
  ),
  rule('capabilities.ttl', '§6', 'A life of 60 to 180 s is granted as asked, another is refused.', async (t) => {
    const { room, peers } = await t.meet('owner')
    for (const ttl_s of [60, 180]) {
      const { exp = 0, iat = 0 } = decodeJwt(await t.grant(peers[0]!, room, ['call'], { ttl_s }))
      assert.equal(exp - iat, ttl_s)
    }
    for (const ttl_s of [59, 181, 0, -1, 90.5, '120']) {
      refused(await request(peers[0]!, room, ['call'], { ttl_s }), 'BAD_MESSAGE')
    }
  }),
  rule('capabilities.by-role', '§6', 'owner all; member all but terminal:control; guest call only.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member', 'guest')
    const allowed = [all, all.filter((cap) => cap !== 'terminal:control'), ['call']]
    for (const [i, peer] of peers.entries()) {
      for (const cap of all) {
        const target = cap === 'terminal:control' ? { target_peer_id: peers[0]!.peer_id } : {}
        const answer = await request(peer, room, [cap], target)
        // Whether a token for control may be had before there is a terminal at its target is not fixed.
        if (allowed[i]!.includes(cap) && cap !== 'terminal:control') has(answer, { type: 'capability.granted' }, cap)
        else if (!allowed[i]!.includes(cap)) refused(answer, 'ACCESS_DENIED')
      }
    }
  }),
  rule('capabilities.whole', '§6', 'A request is granted whole or refused.', async (t) => {
    const { room, peers } = await t.meet('owner', 'guest')
    refused(await request(peers[1]!, room, ['call', 'screen']), 'ACCESS_DENIED')
    refused(await request(peers[0]!, room, ['call', 'no-such-word']), 'BAD_MESSAGE', 'ACCESS_DENIED')
    refused(await request(peers[0]!, room, []), 'BAD_MESSAGE')
  }),
  rule('capabilities.control-targeted', '§6', 'terminal:control is always targeted.', async (t) => {
    const { room, peers } = await t.meet('owner')
    refused(await request(peers[0]!, room, ['terminal:control']), 'BAD_MESSAGE', 'ACCESS_DENIED')
  }),
  rule('capabilities.policy', '§6 §11', "A room's policy replaces what a role may have.", async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member', 'guest')
    const policy = { caps: { guest: ['call', 'screen'], member: ['call'] } }
    const patched = await t.api(users[0], 'PATCH', `/rooms/${room}`, { policy })
    assert.equal(patched.status, 200)
    has(await request(peers[2]!, room, ['screen']), { type: 'capability.granted' })
    refused(await request(peers[1]!, room, ['screen']), 'ACCESS_DENIED')
    const { payload } = await peers[2]!.ask('room.join', room, {})
    assert.deepEqual((payload.caps as string[]).toSorted(), ['call', 'screen'])
  }),
  rule(
    'capabilities.rest',
    '§6 §13',
    'REST grants the same for a live peer of the caller, and for no other.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'guest')
      const [a, b] = peers
      const path = `/rooms/${room}/capabilities`
      const { status, body } = await t.api(users[0], 'POST', path, { for: a!.peer_id, caps: ['call'], ttl_s: 60 })
      assert.ok(status === 200 || status === 201, `status ${status}`)
      has(body, { caps: ['call'] })
      has(decodeJwt(String(body.token)), { sub: a!.peer_id, room_id: room })
      refused(await use(a!, room, nobody, String(body.token)), 'UNROUTABLE')
      const foreign = await t.api(users[0], 'POST', path, { for: b!.peer_id, caps: ['call'] })
      denied(foreign, foreign.status, 'NOT_FOUND', 'ACCESS_DENIED')
      denied(await t.api(users[0], 'POST', path, { for: a!.peer_id, caps: ['call'], ttl_s: 59 }), 400, 'BAD_MESSAGE')
      denied(await t.api(users[1], 'POST', path, { for: b!.peer_id, caps: ['screen'] }), 403, 'ACCESS_DENIED')
    },
  ),
  rule('capabilities.required', '§3', 'No token, or one without the capability: CAP_REQUIRED and which.', async (t) => {
    const { room, peers } = await t.meet('owner')
    has(refused(await use(peers[0]!, room, nobody, undefined), 'CAP_REQUIRED').payload, { required: 'call' })
    const other = await t.grant(peers[0]!, room, ['screen', 'share:file'])
    has(refused(await use(peers[0]!, room, nobody, other), 'CAP_REQUIRED').payload, { required: 'call' })
  }),
  rule('capabilities.forged', '§3', 'A forged token, however made, is CAP_INVALID.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const [jwk] = (await keys(t)).keys
    const forged = Object.entries(await forgeries(await t.grant(b!, room, ['call']), jwk, { sub: a!.peer_id }))
    const foreign: [string, string][] = [...forged, ['an access token', users[0]!.token]]
    // Two peers of one user share no bucket with the other user's, and a user has ten offers at once.
    for (const [i, [name, token]] of foreign.entries()) {
      const peer = i % 2 === 0 ? a! : b!
      assert.equal((await use(peer, room, nobody, token)).code, 'CAP_INVALID', name)
    }
  }),
  rule('capabilities.forged-and-expired', '§13', 'A forged token that is also expired is CAP_INVALID.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const token = await forgedAndExpired(await t.grant(peers[0]!, room, ['call']))
    refused(await use(peers[0]!, room, nobody, token), 'CAP_INVALID')
  }),
  rule('capabilities.other-room', '§3', 'A token of another room is CAP_INVALID.', async (t) => {
    const { room, users, peers } = await t.meet('owner')
    const other = await t.room(users[0]!)
    await peers[0]!.ask('room.join', other, {})
    refused(await use(peers[0]!, room, nobody, await t.grant(peers[0]!, other, ['call'])), 'CAP_INVALID')
  }),
  rule(
    'capabilities.other-peer',
    '§3',
    "Another peer's token is CAP_INVALID, also that of the same user.",
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const second = await t.enter(users[0]!, room)
      refused(await use(peers[0]!, room, nobody, await t.grant(second, room, ['call'])), 'CAP_INVALID')
      refused(await use(peers[0]!, room, nobody, await t.grant(peers[1]!, room, ['call'])), 'CAP_INVALID')
    },
  ),
  rule('capabilities.other-target', '§3', 'A token for one target is CAP_INVALID towards another.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member', 'member')
    const [a, b, c] = peers
    const token = await t.grant(a!, room, ['call'], { target_peer_id: b!.peer_id })
    refused(await use(a!, room, c!.peer_id, token), 'CAP_INVALID')
    refused(await use(a!, room, users[2]!.user_id, token), 'CAP_INVALID')
    a!.send('rtc.offer', b!.peer_id, { rtc_id: rtcId(), room_id: room, purpose: 'call', sdp: sdp(), cap_token: token })
    await b!.next('rtc.offer')
    assert.deepEqual(c!.all('rtc.offer'), [])
  }),
  rule(
    'capabilities.role-changed',
    '§3 §6',
    'A change of role makes earlier tokens CAP_INVALID, up or down.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      for (const role of ['owner', 'guest', 'member']) {
        const token = await t.grant(peers[1]!, room, ['call'])
        await t.api(users[0], 'PUT', `/rooms/${room}/members/${users[1]!.user_id}`, { role })
        refused(await use(peers[1]!, room, nobody, token), 'CAP_INVALID')
      }
    },
  ),
  rule('capabilities.policy-changed', '§3 §6', 'A change of policy makes earlier tokens CAP_INVALID.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const token = await t.grant(peers[1]!, room, ['call'])
    await t.api(users[0], 'PATCH', `/rooms/${room}`, { policy: { caps: { guest: [] } } })
    refused(await use(peers[1]!, room, nobody, token), 'CAP_INVALID')
  }),
  rule('capabilities.renamed', '§6', 'A new name of the room leaves tokens as they are.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const token = await t.grant(peers[1]!, room, ['call'])
    await t.api(users[0], 'PATCH', `/rooms/${room}`, { name: 'Renamed' })
    refused(await use(peers[1]!, room, nobody, token), 'UNROUTABLE')
  }),
  rule(
    'capabilities.removed-and-back',
    '§6',
    'A token does not outlive a removal, not even for who comes back.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const token = await t.grant(peers[1]!, room, ['call'])
      const path = `/rooms/${room}/members/${users[1]!.user_id}`
      await t.api(users[0], 'DELETE', path)
      refused(await use(peers[1]!, room, nobody, token), 'ACCESS_DENIED')
      await t.api(users[0], 'PUT', path, { role: 'member' })
      has(await peers[1]!.ask('room.join', room, {}), { type: 'room.joined' })
      refused(await use(peers[1]!, room, nobody, token), 'CAP_INVALID')
    },
  ),
  rule('capabilities.login-ended', '§6', 'A token dies with the login it was granted to (sid).', async (t) => {
    const user = await t.fresh()
    const room = await t.room(user)
    const peer = await t.enter(user, room)
    const token = await t.grant(peer, room, ['call'])
    refused(await use(peer, room, nobody, token), 'UNROUTABLE')
    const next = await t.users.login(user)
    has(await peer.ask('system.token.refresh', 'server', { token: next.token }), { type: 'system.token.refreshed' })
    await t.api(undefined, 'POST', '/auth/logout', { refresh_token: user.refresh_token })
    user.token = next.token
    refused(await use(peer, room, nobody, token), 'CAP_INVALID')
  }),
  slowRule(
    66,
    'capabilities.expired',
    '§3 §13',
    'Past its exp and 5 s a token is CAP_EXPIRED, on every use.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner')
      const [a] = peers
      const other = await t.room(users[0]!)
      await a!.ask('room.join', other, {})
      const token = await t.grant(a!, room, ['call'], { ttl_s: 60 })
      refused(await use(a!, room, nobody, token), 'UNROUTABLE')
      const { exp = 0 } = decodeJwt(token)
      await delay(exp * 1000 + 1_500 - Date.now())
      refused(await use(a!, room, nobody, token), 'UNROUTABLE')
      await delay(exp * 1000 + 6_500 - Date.now())
      refused(await use(a!, room, nobody, token), 'CAP_EXPIRED')
      // The order of checks: claims, then expiry, then the needed capability.
      refused(await use(a!, other, nobody, token), 'CAP_INVALID')
      refused(await use(a!, room, nobody, token, 'screen'), 'CAP_EXPIRED')
    },
  ),
]
