import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rule, slowRule, type Case } from '../case.ts'
import { forgedAndExpired, forgeries } from '../tokens.ts'
import { closes, has, id, refused, type World } from '../world.ts'
import type { Wire } from '../wire.ts'

const hello = (payload: object, overrides: object = {}) =>
  JSON.stringify({
    type: 'system.hello',
    id: randomUUID(),
    timestamp: new Date().toISOString(),
    to: 'server',
    payload,
    ...overrides,
  })

/** The one error frame, then the close. */
async function turnedAway(t: World, token: string | undefined, code: string): Promise<void> {
  const wire = await t.open()
  refused(await wire.ask('system.hello', 'server', token === undefined ? {} : { token }), code)
  await closes(wire, 4100)
}

/** Sends texts as the first frames and expects the end of the connection, with nothing said before. */
async function isFault(t: World, ...texts: string[]): Promise<string> {
  const wire = await t.open()
  for (const text of texts) wire.raw(text)
  const { reason } = await closes(wire, 4102)
  assert.deepEqual(wire.all('system.welcome'), [], 'no welcome')
  return reason
}

/** §1 and §4: the first frame and what follows from it. */
export const helloCases: Case[] = [
  rule('hello.welcome', '§4', 'A hello with an access token is answered with a whole welcome.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.open()
    const welcome = await wire.ask('system.hello', 'server', {
      token: user!.token,
      client: { name: 'suite', version: '1' },
    })
    has(welcome, { type: 'system.welcome', from: 'server' })
    const { payload } = welcome
    has(payload, { session_id: id('sess'), peer_id: id('peer'), user_id: user!.user_id, resumed: false })
    const { token, window_s } = payload.resume as { token: unknown; window_s: unknown }
    assert.deepEqual([typeof token, typeof window_s], ['string', 'number'], 'resume {token, window_s}')
    assert.ok(Number(payload.heartbeat_s) > 0, 'heartbeat_s')
    assert.equal(typeof payload.limits, 'object', 'limits')
    assert.ok(Array.isArray(payload.features), 'features')
    assert.ok(Math.abs(Date.parse(String(payload.server_time)) - Date.now()) < 60_000, 'server_time')
  }),
  rule('hello.bearer', '§4', 'The token may stand in the Authorization header of the upgrade instead.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.open({ headers: { authorization: `Bearer ${user!.token}` } })
    has(await wire.ask('system.hello', 'server', {}), { type: 'system.welcome' })
  }),
  rule(
    'hello.bearer-judged-at-hello',
    '§1',
    'A bad token in the header is judged at the hello, not before.',
    async (t) => {
      const wire = await t.open({ headers: { authorization: 'Bearer nonsense' } })
      refused(await wire.ask('system.hello', 'server', {}), 'AUTH_INVALID')
      await closes(wire, 4100)
    },
  ),
  rule('hello.no-token', '§1', 'No token: AUTH_REQUIRED, then 4100.', (t) => turnedAway(t, undefined, 'AUTH_REQUIRED')),
  rule('hello.forged-token', '§1 §3', 'A forged access token, however made: AUTH_INVALID, then 4100.', async (t) => {
    const [user] = await t.people(1)
    for (const token of Object.values(await forgeries(user!.token, undefined))) {
      await turnedAway(t, token, 'AUTH_INVALID')
    }
  }),
  rule('hello.forged-and-expired', '§3', 'An access token that is forged and expired is AUTH_INVALID.', async (t) => {
    const [user] = await t.people(1)
    await turnedAway(t, await forgedAndExpired(user!.token), 'AUTH_INVALID')
  }),
  rule('hello.other-token', '§1 §6', 'A capability token or a refresh token is no access token.', async (t) => {
    const { room, peers, users } = await t.meet('owner')
    await turnedAway(t, await t.grant(peers[0]!, room, ['call']), 'AUTH_INVALID')
    await turnedAway(t, users[0]!.refresh_token, 'AUTH_INVALID')
  }),
  rule('hello.first-frame', '§1', 'Any other first frame closes with 4102, and nothing of it is done.', async (t) => {
    const [user] = await t.people(1)
    const ping = hello({}, { type: 'system.ping' })
    await isFault(t, ping)
    await isFault(t, ping, hello({ token: user!.token }))
  }),
  rule('hello.second-frame', '§1', 'A second frame before the welcome closes with 4102.', async (t) => {
    const [user] = await t.people(1)
    await isFault(t, hello({ token: user!.token }), hello({}, { type: 'system.ping' }))
    await isFault(t, hello({ token: user!.token }), hello({ token: user!.token }))
  }),
  rule(
    'hello.malformed',
    '§1 §2',
    'A malformed hello closes with 4102; the reason is a constant string.',
    async (t) => {
      const [user] = await t.people(1)
      const { token } = user!
      const reasons = [
        await isFault(t, 'not json'),
        await isFault(t, '[]'),
        await isFault(t, hello({ token, extra: 1 })),
        await isFault(t, hello({ token: 7 })),
        await isFault(t, hello({ token }, { id: 'seven' })),
        await isFault(t, hello({ token }, { to: 'room_xyz' })),
        await isFault(t, hello({ token }, { payload: null })),
      ]
      assert.equal(new Set(reasons).size, 1, `one reason: ${reasons.join()}`)
    },
  ),
  rule('hello.too-large', '§1', 'A hello of more than 8 KiB closes with 4102; one of 8 KiB is judged.', async (t) => {
    const padded = (bytes: number) => hello({ token: 'x'.repeat(bytes - hello({ token: '' }).length) })
    await isFault(t, padded(8_193))
    const wire = await t.open()
    wire.raw(padded(8_192))
    refused(await wire.next('error'), 'AUTH_INVALID')
    await closes(wire, 4100)
  }),
  slowRule(5, 'hello.late', '§1', 'A connection without a hello is closed with 4102 after 5 s.', async (t) => {
    const opened = Date.now()
    const wire = await t.open()
    await closes(wire, 4102)
    const waited = Date.now() - opened
    assert.ok(waited > 4_500, `closed after ${waited} ms already`)
  }),
  rule('hello.foreign-device', '§4', 'Nobody becomes a device that the token does not name.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.open()
    const answer = await wire.ask('system.hello', 'server', { token: user!.token, device_id: `dev_${'a'.repeat(22)}` })
    // Refusing and leaving the device out are both sound.
    if (answer.type === 'error') refused(answer, 'AUTH_INVALID', 'ACCESS_DENIED')
    else assert.equal(answer.payload.device_id, undefined)
  }),
  rule('hello.again', '§1 §4', 'A second hello after the welcome changes nothing.', async (t) => {
    const [user, other] = await t.people(2)
    const wire = await t.connect(user!)
    wire.send('system.hello', 'server', { token: other!.token })
    // The contract leaves open whether it is an unknown event by then or a fault of protocol.
    const answer = await Promise.race([wire.next('error'), wire.closed])
    if ('reason' in answer) assert.equal(answer.code, 4102)
    else refused(answer, 'BAD_MESSAGE', 'CONFLICT')
    assert.equal(wire.all('system.welcome').length, 1)
  }),
  rule('hello.own-peer', '§2', 'Each connection is a peer of its own, also of one user.', async (t) => {
    const [user] = await t.people(1)
    const wires: Wire[] = [await t.connect(user!), await t.connect(user!)]
    assert.notEqual(wires[0]!.peer_id, wires[1]!.peer_id)
    assert.notEqual(wires[0]!.welcome.payload.session_id, wires[1]!.welcome.payload.session_id)
  }),
  rule('hello.ping', '§4 §13', 'system.ping is answered with system.pong and its reply_to.', async (t) => {
    const [user] = await t.people(1)
    has(await (await t.connect(user!)).ask('system.ping', 'server', {}), { type: 'system.pong', from: 'server' })
  }),
  rule(
    'hello.server-ping',
    '§4',
    'A client may answer a ping and acknowledge frames; neither is answered.',
    async (t) => {
      const [user] = await t.people(1)
      const wire = await t.connect(user!)
      wire.send('system.pong', 'server', {})
      wire.send('system.ack', 'server', { received: 0 })
      await t.settle(wire)
      assert.deepEqual(
        wire.frames.map(({ type }) => type),
        ['system.welcome', 'system.pong'],
      )
    },
  ),
  rule('hello.refresh', '§4', 'A fresh token of the same user is taken without reconnecting.', async (t) => {
    const user = await t.fresh()
    const wire = await t.connect(user)
    const { token } = await t.users.login(user)
    const { type, payload } = await wire.ask('system.token.refresh', 'server', { token })
    assert.equal(type, 'system.token.refreshed')
    assert.ok(Date.parse(String(payload.expires_at)) > Date.now(), 'expires_at')
  }),
  rule(
    'hello.refresh-other-user',
    '§4',
    "Somebody else's token, or a forged one, does not refresh a connection.",
    async (t) => {
      const [user, other] = await t.people(2)
      const wire = await t.connect(user!)
      refused(await wire.ask('system.token.refresh', 'server', { token: other!.token }), 'AUTH_INVALID')
      const second = await t.connect(user!)
      refused(await second.ask('system.token.refresh', 'server', { token: 'nonsense' }), 'AUTH_INVALID')
    },
  ),
  rule('hello.connection-limit', '§3', 'One connection too many of a user is closed with 4103.', async (t) => {
    const [user] = await t.people(1)
    const first = await t.connect(user!)
    const limits = first.welcome.payload.limits as { connections_per_user?: number }
    const most = limits.connections_per_user
    if (most === undefined || most > 30) return t.skip('the limit of connections is not announced, or too high to try')
    for (let i = 1; i < most; i++) await t.connect(user!)
    const last = await t.open()
    last.send('system.hello', 'server', { token: user!.token })
    await closes(last, 4103)
  }),
]
