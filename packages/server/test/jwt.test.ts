import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateSigningKey, publicJwkOf } from '@mesh/core'
import { commonForgeries, soundToken, withClaims, type Forging } from '@mesh/core/testing'
import { anyOf, builtinUsers, hostUserId, jwt, type JwtOptions } from '@mesh/server'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRig, type Rig } from './support.ts'

const [key, otherKey, foreign] = [await generateSigningKey(), await generateSigningKey(), await generateSigningKey()]
const audience = 'https://app.example'

/** A real issuer: it serves its keys, counts who asks for what, and can fail. */
async function createIssuer() {
  const requests: string[] = []
  const state = { keys: [publicJwkOf(key)], status: 200 }
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    response.writeHead(state.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: state.keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const forging = (): Forging => {
    const now = Math.floor(Date.now() / 1000)
    return {
      header: { typ: 'JWT', kid: key.kid },
      claims: { iss: url, aud: audience, sub: 'u-17', name: 'Ann', sid: 's-1', jti: 'j', iat: now, exp: now + 300 },
      key,
      otherKey,
      foreign,
      otherType: 'logout+jwt',
      trap: `${url}/trap`,
    }
  }
  return { url, requests, state, forging, close: () => server.close() }
}

type Issuer = Awaited<ReturnType<typeof createIssuer>>
const rigs: Rig[] = []
let issuer: Issuer

const options = (of: Issuer): JwtOptions => ({ issuer: of.url, audience, jwks: `${of.url}/jwks.json` })

async function rigFor(of: Issuer, more: Partial<JwtOptions> = {}): Promise<Rig> {
  // So many refused hellos a second are an attack from one address, were this not a test.
  const limits = { attempts: { handshake: { burst: 1_000, per_s: 1_000 } } }
  const rig = await createRig({ authenticate: jwt({ ...options(of), ...more }), limits })
  rigs.push(rig)
  return rig
}

async function hello(rig: Rig, token: string): Promise<string> {
  const wire = await rig.open()
  const { type, code } = await wire.hello(token)
  wire.socket.terminate()
  return code ?? type
}

beforeAll(async () => {
  issuer = await createIssuer()
})
afterAll(async () => {
  for (const rig of rigs) await rig.close()
  issuer.close()
})

describe("another issuer's token at hello", async () => {
  let rig: Rig
  beforeAll(async () => {
    rig = await rigFor(issuer, { algorithms: ['EdDSA'] })
  })

  it.each(commonForgeries)('with %s is AUTH_INVALID, and its twin is welcome', async (_name, make) => {
    expect(await hello(rig, await make(issuer.forging()))).toBe('AUTH_INVALID')
    expect(await hello(rig, await soundToken(issuer.forging()))).toBe('system.welcome')
  })

  it('has the server ask where the keys are set to be and nowhere else, and once', () => {
    expect(issuer.requests).toEqual(['/jwks.json'])
  })

  it('past its exp is AUTH_EXPIRED, but for 5 s', async () => {
    const now = Math.floor(Date.now() / 1000)
    const ended = (ago: number) => withClaims({ iat: now - 100, exp: now - ago })(issuer.forging())
    expect(await hello(rig, await ended(10))).toBe('AUTH_EXPIRED')
    expect(await hello(rig, await ended(1))).toBe('system.welcome')
  })

  it('stands for its subject there, and for nobody else with that subject', async () => {
    const wire = await rig.open()
    const { payload } = await wire.hello(await soundToken(issuer.forging()))
    expect(payload.user_id).toBe(hostUserId('u-17', issuer.url))
    expect(payload.user_id).not.toBe(hostUserId('u-17'))
    const external = { issuer: issuer.url, subject: 'u-17' }
    expect(await rig.mesh.storage.users.find(String(payload.user_id))).toMatchObject({ username: 'Ann', external })
  })

  it('is good for REST too, and ends with its session', async () => {
    const token = await withClaims({ sid: 's-2' })(issuer.forging())
    expect((await rig.rest('GET', '/api/v1/rooms', undefined, token)).status).toBe(200)
    const wire = await rig.open()
    await wire.hello(token)
    await rig.mesh.revoke({ sessionId: 's-2' })
    expect(await wire.closed).toBe(4101)
    expect((await rig.rest('GET', '/api/v1/rooms', undefined, token)).status).toBe(401)
    expect(await hello(rig, token)).toBe('AUTH_INVALID')
  })

  it('from before the revocation of its user is worthless, and one from after it is not', async () => {
    const now = Math.floor(Date.now() / 1000)
    const old = await withClaims({ sub: 'u-18', iat: now - 1 })(issuer.forging())
    expect(await hello(rig, old)).toBe('system.welcome')
    await rig.mesh.revoke({ userId: 'u-18' })
    expect(await hello(rig, old)).toBe('AUTH_INVALID')
    expect(await hello(rig, await withClaims({ sub: 'u-18', iat: now + 2 })(issuer.forging()))).toBe('system.welcome')
  })

  it('that does not say when it was made is older than any revocation of its user', async () => {
    const undated = await withClaims({ sub: 'u-20', iat: undefined })(issuer.forging())
    expect(await hello(rig, undated)).toBe('system.welcome')
    await rig.mesh.revoke({ userId: 'u-20' })
    expect(await hello(rig, undated)).toBe('AUTH_INVALID')
  })

  it('refreshes a connection, for the same user alone', async () => {
    const wire = await rig.open()
    await wire.hello(await soundToken(issuer.forging()))
    const fresh = await wire.ask('system.token.refresh', 'server', { token: await soundToken(issuer.forging()) })
    expect(fresh).toMatchObject({ type: 'system.token.refreshed', payload: { access_token: expect.any(String) } })
    const other = await withClaims({ sub: 'u-19' })(issuer.forging())
    expect(await wire.ask('system.token.refresh', 'server', { token: other })).toMatchObject({ code: 'AUTH_INVALID' })
    expect(await wire.closed).toBe(4100)
  })
})

describe('the keys of the issuer', () => {
  it('are not asked for again by 200 tokens with unknown keys', async () => {
    const own = await createIssuer()
    const rig = await rigFor(own)
    const outcomes = new Set<string>()
    for (let n = 0; n < 200; n++) {
      const forging = own.forging()
      const token = await soundToken({ ...forging, header: { typ: 'JWT', kid: `random-${n}` } })
      outcomes.add(String((await rig.rest('GET', '/api/v1/me', undefined, token)).body.code))
    }
    process.stdout.write(`200 random kids: ${own.requests.length} request to the issuer\n`)
    expect(own.requests).toHaveLength(1)
    expect([...outcomes]).toEqual(['AUTH_INVALID'])
    expect(await hello(rig, await soundToken(own.forging()))).toBe('system.welcome')
    own.close()
  })

  it('that cannot be had make it UNAVAILABLE, which may be tried again, and the issuer is left alone meanwhile', async () => {
    const own = await createIssuer()
    own.state.status = 500
    const rig = await rigFor(own)
    const token = await soundToken(own.forging())
    for (let n = 0; n < 5; n++) {
      const { status, body } = await rig.rest('GET', '/api/v1/me', undefined, token)
      expect([status, body.code]).toEqual([503, 'UNAVAILABLE'])
    }
    expect(own.requests).toHaveLength(1)
    const wire = await rig.open()
    expect(await wire.hello(token)).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await wire.closed).toBe(1013)
    own.close()
  })
})

describe('jwt()', () => {
  it('takes a shared secret, with the algorithms of secrets alone', async () => {
    const secret = 's'.repeat(32)
    const rig = await createRig({ authenticate: jwt({ issuer: 'me', audience, secret }) })
    rigs.push(rig)
    const sign = (alg: string, by: string) =>
      new SignJWT({ sub: '17' })
        .setProtectedHeader({ alg, typ: 'JWT' })
        .setIssuer('me')
        .setAudience(audience)
        .setExpirationTime('5m')
        .sign(new TextEncoder().encode(by))
    expect(await hello(rig, await sign('HS256', secret))).toBe('system.welcome')
    expect(await hello(rig, await sign('HS512', secret.repeat(2)))).toBe('AUTH_INVALID')
    expect(await hello(rig, await sign('HS256', `${secret}x`))).toBe('AUTH_INVALID')
    expect(await hello(rig, await soundToken({ ...issuer.forging(), header: { kid: key.kid } }))).toBe('AUTH_INVALID')
  })

  it.each([
    ['keys over plain http', { jwks: 'http://idp.example/jwks' }],
    ['a short secret', { secret: 'short' }],
    ['both', { jwks: 'https://idp.example/jwks', secret: 's'.repeat(32) }],
    ['neither', {}],
    ['an algorithm of secrets with public keys', { jwks: 'https://idp.example/jwks', algorithms: ['HS256'] }],
    ['none', { jwks: 'https://idp.example/jwks', algorithms: ['none'] }],
    ['tokens that outlive the memory of a revocation', { secret: 's'.repeat(32), maxLife: 14 * 86_400 + 1 }],
  ])('does not start with %s', (_name, wrong) => {
    expect(() => jwt({ issuer: 'me', audience, ...wrong })).toThrow(TypeError)
  })

  it("says who it is as the host's map has it, and nobody where that says so", async () => {
    const rig = await rigFor(issuer, {
      map: ({ sub, banned }) => (banned ? null : { id: `app-${sub}`, name: 'Mapped', issuer: 'app', kind: 'guest' }),
    })
    const wire = await rig.open()
    const { payload } = await wire.hello(await soundToken(issuer.forging()))
    expect(payload.user_id).toBe(hostUserId('app-u-17', 'app'))
    expect(await hello(rig, await withClaims({ banned: true })(issuer.forging()))).toBe('AUTH_INVALID')
  })
})

describe('anyOf()', () => {
  it("lets built-in accounts log in beside another issuer's users", async () => {
    const rig = await createRig({ authenticate: anyOf(builtinUsers(), jwt(options(issuer))) })
    rigs.push(rig)
    const ann = await rig.account('ann')
    expect(await hello(rig, ann.access_token)).toBe('system.welcome')
    expect(await hello(rig, await soundToken(issuer.forging()))).toBe('system.welcome')
    expect(await hello(rig, 'neither')).toBe('AUTH_INVALID')
    const now = Math.floor(Date.now() / 1000)
    const ended = await withClaims({ iat: now - 100, exp: now - 60 })(issuer.forging())
    expect(await hello(rig, ended)).toBe('AUTH_EXPIRED')
  })

  it('has no logins where nobody said so', async () => {
    const rig = await rigFor(issuer)
    const login = await rig.rest('POST', '/api/v1/auth/login', { username: 'ann', password: 'x' })
    expect(login.status).toBe(404)
  })
})
