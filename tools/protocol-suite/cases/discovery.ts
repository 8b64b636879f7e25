import assert from 'node:assert/strict'
import { decodeProtectedHeader } from 'jose'
import { rule, type Case } from '../case.ts'
import { has } from '../world.ts'

/** What §11 lists; a path parameter may have any name. */
const routes = [
  'post /auth/login',
  'post /auth/refresh',
  'post /auth/logout',
  'post /auth/password',
  'get /me',
  'get /users',
  'post /users',
  'patch /users/{}',
  'delete /users/{}',
  'post /rooms',
  'get /rooms',
  'get /rooms/{}',
  'patch /rooms/{}',
  'delete /rooms/{}',
  'get /rooms/{}/members',
  'put /rooms/{}/members/{}',
  'delete /rooms/{}/members/{}',
  'get /rooms/{}/events',
  'get /rooms/{}/messages',
  'post /rooms/{}/capabilities',
]

/** Every event of the contract. */
const events = [
  'system.hello system.welcome system.ping system.pong system.ack system.token.expiring system.token.refresh',
  'system.token.refreshed system.draining room.join room.joined room.leave room.left presence.update',
  'chat.message.send chat.message.created capability.request capability.granted rtc.offer rtc.answer rtc.ice rtc.bye',
  'p2p.session.request p2p.session.accept p2p.session.reject p2p.session.created p2p.session.closed p2p.session.renew',
  'p2p.session.renewed terminal.share.start terminal.share.started terminal.share.stop terminal.share.stopped',
  'terminal.control.take terminal.control.granted terminal.control.release terminal.control.released',
  'terminal.control.renew',
].flatMap((line) => line.split(' '))

/** §6 and §11: what a stranger needs before the first login. */
export const discovery: Case[] = [
  rule('discovery.version', '§11 §13', '/version says which version it is, and names the issuer.', async (t) => {
    const { status, body } = await t.http('GET', '/version')
    assert.equal(status, 200)
    has(body, { version: /\d/, issuer: /.+/ })
  }),
  rule('discovery.health', '§11', '/healthz and /readyz answer 200 without a token.', async (t) => {
    for (const path of ['/healthz', '/readyz']) assert.equal((await t.http('GET', path)).status, 200, path)
  }),
  rule('discovery.jwks', '§6', 'The JWKS has public Ed25519 keys with a kid each, and nothing private.', async (t) => {
    const { status, body } = await t.http('GET', '/.well-known/jwks.json')
    assert.equal(status, 200)
    const keys = body.keys as Record<string, unknown>[]
    assert.ok(keys.length > 0, 'a key')
    for (const key of keys) {
      has(key, { kty: 'OKP', crv: 'Ed25519', kid: /.+/, x: /^[\w-]{43}$/ })
      assert.ok(!('d' in key), 'no private part')
    }
  }),
  rule(
    'discovery.jwks-kept',
    '§6',
    'Agents may keep the JWKS for a while, and it has no key of access tokens, which are not for them.',
    async (t) => {
      const [user] = await t.people(1)
      const { body, headers } = await t.http('GET', '/.well-known/jwks.json')
      const maxAge = Number(/max-age=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1])
      assert.ok(maxAge > 0 && maxAge <= 3600, 'a max-age of at most an hour')
      const { kid } = decodeProtectedHeader(user!.token)
      assert.ok(!(body.keys as { kid: string }[]).some((key) => key.kid === kid), 'no key of access tokens')
      const etag = headers.get('etag')
      if (etag === null) return
      const again = await t.http('GET', '/.well-known/jwks.json', { headers: { 'if-none-match': etag } })
      assert.equal(again.status, 304)
    },
  ),
  rule(
    'discovery.no-setup',
    '§11',
    'Where there is an administrator nobody becomes the first one: /setup is an unknown route.',
    async (t) => {
      const body = { code: '0000-0000-0000-0000', username: 'first', password: 'a password that is long' }
      const unknown = await t.api(undefined, 'POST', '/no-such-route', body)
      for (const sent of [body, {}]) {
        const { status, body: answer } = await t.api(undefined, 'POST', '/setup', sent)
        assert.deepEqual([status, answer], [unknown.status, unknown.body])
      }
    },
  ),
  rule('discovery.openapi', '§11', 'openapi.json is OpenAPI 3.1 and has every route of §11.', async (t) => {
    const { status, body } = await t.http('GET', '/api/v1/openapi.json')
    assert.equal(status, 200)
    has(body, { openapi: /^3\.1/ })
    const described = new Set(
      Object.entries(body.paths as Record<string, object>).flatMap(([path, item]) =>
        Object.keys(item).map(
          (method) => `${method} ${path.replace(/^\/api\/v1(?=\/)/, '').replace(/\{[^}]*\}/g, '{}')}`,
        ),
      ),
    )
    assert.deepEqual(
      routes.filter((route) => !described.has(route)),
      [],
      'routes that are not described',
    )
  }),
  rule('discovery.asyncapi', '§11', 'asyncapi.json is AsyncAPI 3 and has every event of the contract.', async (t) => {
    const { status, body } = await t.http('GET', '/api/v1/asyncapi.json')
    assert.equal(status, 200)
    has(body, { asyncapi: /^3\./ })
    const text = JSON.stringify(body)
    assert.deepEqual(
      events.filter((event) => !text.includes(`"${event}"`)),
      [],
      'events that are not described',
    )
  }),
]
