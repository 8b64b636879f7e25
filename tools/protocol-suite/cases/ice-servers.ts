import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { forgedAndExpired } from '../tokens.ts'
import { denied, has, type World } from '../world.ts'
import type { Wire } from '../wire.ts'

interface IceServer {
  urls: string | string[]
  username?: string
  credential?: string
}

/** The part of a TURN user name that says who, and the end of its life in milliseconds. */
function read({ username = '' }: IceServer): { pseudonym: string; end: number } {
  const [, end = '', pseudonym = ''] = /^(\d+):(.+)$/.exec(username) ?? []
  return { pseudonym, end: Number(end) * 1000 }
}

const isRelay = ({ urls }: IceServer): boolean => [urls].flat().some((url) => /^turns?:/.test(url))

/** Asserts that a list is one a browser takes, and that its credentials are good for about ten minutes. */
function check(list: unknown, expires_at: unknown): IceServer[] {
  assert.ok(Array.isArray(list), 'a list of ICE servers')
  const servers = list as IceServer[]
  for (const server of servers) {
    for (const url of [server.urls].flat()) assert.match(url, /^(stuns?|turns?):[^/]/)
    if (!isRelay(server)) continue
    assert.match(server.credential ?? '', /^[A-Za-z0-9+/]{27}=$/, 'the base64 of an HMAC-SHA1')
    assert.equal(read(server).end, Date.parse(String(expires_at)), 'the name says when it ends')
  }
  const left = Date.parse(String(expires_at)) - Date.now()
  assert.ok(Math.abs(left - 600_000) < 15_000, `600 s, not ${left / 1000}`)
  return servers
}

async function granted(t: World, wire: Wire, room_id: string) {
  const { payload } = await wire.ask('capability.request', 'server', { room_id, caps: ['call'] })
  if (payload.ice_servers === undefined) t.skip('the server hands out no STUN or TURN servers')
  return { token: String(payload.token), servers: check(payload.ice_servers, payload.ice_expires_at) }
}

const renew = (t: World, as: { token: string } | undefined, cap_token: string) =>
  t.api(as, 'POST', '/ice-servers', { cap_token })

/** §6, §11: STUN and TURN servers go with a capability. A user may ask for them six times at once, so cases ask less. */
export const iceServers: Case[] = [
  rule(
    'ice-servers.granted',
    '§6',
    'Where TURN is set up, a capability for a call brings credentials of 600 s, always by the same name for one user.',
    async (t: World) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [first, second, other] = [
        await granted(t, peers[0]!, room),
        await granted(t, await t.connect(users[0]!), room),
        await granted(t, peers[1]!, room),
      ].map(({ servers }) => servers.find(isRelay))
      if (!first || !second || !other) t.skip('the server hands out no TURN servers')
      assert.equal(read(first).pseudonym, read(second).pseudonym)
      assert.notEqual(read(first).pseudonym, read(other).pseudonym)
      assert.ok(!first.username?.includes(users[0]!.user_id), 'a pseudonym')
    },
  ),
  rule(
    'ice-servers.renewed',
    '§11',
    'POST /ice-servers gives fresh ones for a live capability of one of the caller’s peers.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner')
      const token = await t.grant(peers[0]!, room, ['call'], { target_peer_id: `peer_${'n'.repeat(22)}` })
      const { status, body } = await renew(t, users[0], token)
      assert.equal(status, 200, JSON.stringify(body))
      // A server without any has an empty list.
      check(body.ice_servers, body.expires_at)
    },
  ),
  rule(
    'ice-servers.of-others',
    '§11',
    'A capability of somebody else’s is CAP_INVALID, and so is a forged one, expired or not.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const token = await t.grant(peers[0]!, room, ['call'])
      denied(await renew(t, users[1], token), 403, 'CAP_INVALID')
      denied(await renew(t, users[0], `${token}A`), 403, 'CAP_INVALID')
      denied(await renew(t, users[0], await forgedAndExpired(token)), 403, 'CAP_INVALID')
      denied(await renew(t, undefined, token), 401, 'AUTH_REQUIRED')
    },
  ),
  rule(
    'ice-servers.revoked',
    '§6',
    'After a demotion they are CAP_INVALID, after a removal ACCESS_DENIED.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const token = await t.grant(peers[1]!, room, ['call'])
      const member = `/rooms/${room}/members/${users[1]!.user_id}`
      assert.equal((await t.api(users[0], 'PUT', member, { role: 'guest' })).status, 200)
      denied(await renew(t, users[1], token), 403, 'CAP_INVALID')
      await t.api(users[0], 'DELETE', member)
      denied(await renew(t, users[1], token), 403, 'ACCESS_DENIED')
    },
  ),
  rule('ice-servers.shape', '§12', 'Unknown fields are BAD_MESSAGE.', async (t) => {
    const [user] = await t.people(1)
    denied(await t.api(user, 'POST', '/ice-servers', { cap_token: 'x', more: 1 }), 400, 'BAD_MESSAGE')
  }),
  rule('ice-servers.limit', '§11', 'Six at once from each user, then RATE_LIMITED with retry_after_ms.', async (t) => {
    const user = await t.fresh()
    const wire = await t.connect(user)
    const token = await t.grant(wire, await t.room(user), ['call'])
    const answers = []
    for (let n = 0; n < 7; n++) answers.push(await renew(t, user, token))
    assert.deepEqual(
      answers.slice(0, 6).map(({ status }) => status),
      [200, 200, 200, 200, 200, 200],
    )
    const { payload } = denied(answers[6]!, 429, 'RATE_LIMITED').body
    has(payload as object, { retry_after_ms: /^\d+$/ })
  }),
]
