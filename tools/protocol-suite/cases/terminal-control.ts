import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { rule, slowRule, type Case } from '../case.ts'
import { delay, has, refused } from '../world.ts'
import type { Wire } from '../wire.ts'
import { control, meet, release, released, share, shared, take, taken } from './terminals.ts'

/** §9: one controller at a time, by a lease with a fence. */
export const terminalControl: Case[] = [
  rule(
    'terminal.take',
    '§9',
    'Control is granted with a fence and an end, to the room and as the reply.',
    async (t) => {
      const { room, a, b, host, terminal_id } = await shared(t)
      const granted = await take(t, a, room, host, terminal_id)
      has(granted, { type: 'terminal.control.granted' })
      has(granted.payload, { terminal_id, peer_id: a.peer_id, fence: /^\d+$/ })
      const left = Date.parse(String(granted.payload.expires_at)) - Date.now()
      assert.ok(left > 10_000 && left < 17_000, `a lease of ${left} ms`)
      const { fence } = granted.payload
      for (const peer of [b, host]) {
        has((await peer.next('terminal.control.granted')).payload, { terminal_id, peer_id: a.peer_id, fence })
      }
    },
  ),
  rule(
    'terminal.one-at-a-time',
    '§3 §9',
    'While somebody has control, another gets CONFLICT with the holder.',
    async (t) => {
      const { room, a, b, host, terminal_id } = await shared(t)
      await taken(t, a, room, host, terminal_id)
      has(refused(await take(t, b, room, host, terminal_id), 'CONFLICT').payload, { holder: a.peer_id })
      await t.settle(b)
      assert.equal(host.all('terminal.control.granted').length, 1)
    },
  ),
  rule('terminal.race', '§9', 'Of two who take in one moment one gets it.', async (t) => {
    const { room, a, b, host, terminal_id } = await shared(t)
    const tokens = [await control(t, a, room, host), await control(t, b, room, host)]
    const answers = await Promise.all(
      [a, b].map((peer, i) => peer.ask('terminal.control.take', 'server', { terminal_id, cap_token: tokens[i] })),
    )
    assert.deepEqual(answers.map(({ type }) => type).sort(), ['error', 'terminal.control.granted'])
  }),
  rule(
    'terminal.capability',
    '§3 §6 §9',
    'Control needs terminal:control, targeted at the host of this terminal.',
    async (t) => {
      const { room, a, b, host, terminal_id } = await shared(t)
      const ask = (cap_token?: string) =>
        a.ask('terminal.control.take', 'server', { terminal_id, ...(cap_token === undefined ? {} : { cap_token }) })
      has(refused(await ask(), 'CAP_REQUIRED').payload, { required: 'terminal:control' })
      refused(await ask('forged'), 'CAP_INVALID')
      refused(await ask(await t.grant(a, room, ['terminal:view'], { target_peer_id: host.peer_id })), 'CAP_REQUIRED')
      refused(await ask(await control(t, b, room, host)), 'CAP_INVALID')
      // Whether a token for a target that hosts nothing is granted is not fixed; that it opens nothing here is.
      const request = { room_id: room, caps: ['terminal:control'], target_peer_id: b.peer_id }
      const other = await a.ask('capability.request', 'server', request)
      if (other.type !== 'error') refused(await ask(String(other.payload.token)), 'CAP_INVALID')
      await t.settle(a)
      assert.deepEqual(host.all('terminal.control.granted'), [])
    },
  ),
  rule(
    'terminal.member',
    '§6',
    'A member controls no terminal of another, unless the policy of the room says so.',
    async (t) => {
      const { room, users, peers } = await meet(t, 'owner', 'member', 'member')
      const [, member, host] = peers as [Wire, Wire, Wire]
      const terminal_id = await share(host, room)
      const request = { room_id: room, caps: ['terminal:control'], target_peer_id: host.peer_id }
      refused(await member.ask('capability.request', 'server', request), 'ACCESS_DENIED')
      const policy = { caps: { member: ['terminal:view', 'terminal:control'] } }
      await t.api(users[0], 'PATCH', `/rooms/${room}`, { policy })
      await taken(t, member, room, host, terminal_id)
    },
  ),
  rule('terminal.release', '§9', 'A release is told to the room, and frees the terminal at once.', async (t) => {
    const { room, a, b, host, terminal_id } = await shared(t)
    const fence = await taken(t, a, room, host, terminal_id)
    refused(await release(b, terminal_id), 'CONFLICT', 'ACCESS_DENIED', 'NOT_FOUND')
    has(await release(a, terminal_id), { type: 'terminal.control.released' })
    for (const peer of [b, host]) has((await released(peer, terminal_id)).payload, { terminal_id, fence })
    assert.ok((await taken(t, b, room, host, terminal_id)) > fence, 'fences only rise')
  }),
  rule('terminal.fence', '§9', 'Every new grant raises the fence.', async (t) => {
    const { room, a, b, host, terminal_id } = await shared(t)
    const fences: number[] = []
    for (const peer of [a, b, a, b]) {
      fences.push(await taken(t, peer, room, host, terminal_id))
      await release(peer, terminal_id)
    }
    for (const [i, fence] of fences.entries()) if (i > 0) assert.ok(fence > fences[i - 1]!, fences.join())
  }),
  rule('terminal.renew', '§9', 'A renewal keeps the fence, and is for the holder with its fence alone.', async (t) => {
    const { room, a, b, host, terminal_id } = await shared(t)
    const fence = await taken(t, a, room, host, terminal_id)
    const tokens = [await control(t, a, room, host), await control(t, b, room, host)]
    const renew = (peer: Wire, cap_token: string | undefined, with_fence = fence) =>
      peer.ask('terminal.control.renew', 'server', { terminal_id, fence: with_fence, cap_token })
    const renewed = await renew(a, tokens[0])
    has(renewed, { type: 'terminal.control.granted' })
    has(renewed.payload, { terminal_id, peer_id: a.peer_id, fence })
    assert.ok(Date.parse(String(renewed.payload.expires_at)) - Date.now() > 10_000, 'a whole lease again')
    refused(await renew(a, tokens[0], fence + 1), 'CONFLICT', 'NOT_FOUND')
    refused(await renew(b, tokens[1]), 'CONFLICT', 'NOT_FOUND', 'ACCESS_DENIED')
    refused(await renew(a, undefined), 'CAP_REQUIRED', 'BAD_MESSAGE')
    refused(await renew(a, tokens[1]), 'CAP_INVALID')
    await release(a, terminal_id)
    refused(await renew(a, tokens[0]), 'CONFLICT', 'NOT_FOUND')
  }),
  rule('terminal.force-host', '§9', "With force the host's user takes control from who has it.", async (t) => {
    const { room, users, a, host, terminal_id } = await shared(t)
    const fence = await taken(t, a, room, host, terminal_id)
    const second = await t.enter(users[2]!, room)
    const granted = await take(t, second, room, host, terminal_id, { force: true })
    has(granted, { type: 'terminal.control.granted' })
    has(granted.payload, { peer_id: second.peer_id })
    assert.ok(Number(granted.payload.fence) > fence, 'a higher fence')
    const forged = { terminal_id, fence, cap_token: await control(t, a, room, host) }
    refused(await a.ask('terminal.control.renew', 'server', forged), 'CONFLICT', 'NOT_FOUND')
  }),
  rule(
    'terminal.force-owner',
    '§9',
    "With force the room's owner frees the lease and gets no control by it.",
    async (t) => {
      const { room, a, b, host, terminal_id } = await shared(t)
      const fence = await taken(t, a, room, host, terminal_id)
      const forced = await take(t, b, room, host, terminal_id, { force: true })
      // The contract says that the lease is free, and not which of the two answers says so.
      if (forced.type === 'error') refused(forced, 'CONFLICT')
      else has(forced, { type: 'terminal.control.released' })
      has((await released(host, terminal_id)).payload, { fence })
      assert.deepEqual(
        host.all('terminal.control.granted').map(({ payload }) => payload.peer_id),
        [a.peer_id],
      )
      assert.ok((await taken(t, b, room, host, terminal_id)) > fence)
    },
  ),
  rule('terminal.force-member', '§9', 'Nobody else has force.', async (t) => {
    const { room, users, peers } = await meet(t, 'owner', 'member', 'member')
    const [a, member, host] = peers as [Wire, Wire, Wire]
    const policy = { caps: { member: ['terminal:view', 'terminal:control'] } }
    await t.api(users[0], 'PATCH', `/rooms/${room}`, { policy })
    const terminal_id = await share(host, room)
    await taken(t, a, room, host, terminal_id)
    refused(await take(t, member, room, host, terminal_id, { force: true }), 'ACCESS_DENIED', 'CONFLICT')
    await t.settle(member)
    assert.deepEqual(host.all('terminal.control.released'), [])
  }),
  slowRule(15, 'terminal.expiry', '§9', 'A holder that does not renew loses control after 15 s.', async (t) => {
    const { room, a, b, host, terminal_id } = await shared(t)
    const started = Date.now()
    const fence = await taken(t, a, room, host, terminal_id)
    has((await released(host, terminal_id, 25_000)).payload, { fence })
    const waited = Date.now() - started
    assert.ok(waited > 13_500 && waited < 18_500, `after ${waited} ms`)
    const cap_token = await control(t, a, room, host)
    refused(await a.ask('terminal.control.renew', 'server', { terminal_id, fence, cap_token }), 'CONFLICT', 'NOT_FOUND')
    assert.ok((await taken(t, b, room, host, terminal_id)) > fence)
  }),
  slowRule(52, 'terminal.lease-within-token', '§9', "A lease never goes past the token's exp.", async (t) => {
    const { room, a, host, terminal_id } = await shared(t)
    const target = { target_peer_id: host.peer_id, ttl_s: 60 }
    const cap_token = await t.grant(a, room, ['terminal:control'], target)
    const { exp = 0 } = decodeJwt(cap_token)
    await delay(exp * 1000 - 8_000 - Date.now())
    const granted = await a.ask('terminal.control.take', 'server', { terminal_id, cap_token })
    has(granted, { type: 'terminal.control.granted' })
    const end = Date.parse(String(granted.payload.expires_at))
    assert.ok(end <= exp * 1000, `${end - exp * 1000} ms past the token`)
    const renewal = { terminal_id, fence: granted.payload.fence, cap_token }
    const renewed = await a.ask('terminal.control.renew', 'server', renewal)
    assert.ok(Date.parse(String(renewed.payload.expires_at)) <= exp * 1000, 'nor by a renewal')
    await released(host, terminal_id, 15_000)
    assert.ok(Date.now() < exp * 1000 + 3_000, 'and is over with it')
  }),
  slowRule(
    15,
    'terminal.holder-dies',
    '§9',
    'Control ends within 15 s when the holder dies, renewed or not.',
    async (t) => {
      const { room, a, b, host, terminal_id } = await shared(t)
      const fence = await taken(t, a, room, host, terminal_id)
      const started = Date.now()
      a.socket.terminate()
      has((await released(host, terminal_id, 25_000)).payload, { fence })
      assert.ok(Date.now() - started < 17_000, `after ${Date.now() - started} ms`)
      await taken(t, b, room, host, terminal_id)
    },
  ),
]
