import { base64url, CompactSign, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { createWorld, heard, newRtcId, sdpOf, settle } from '../testing/kit.ts'
import { createKeyring, generateSigningKey } from './keys.ts'
import { accessType, capabilityType, isExpired, verifyAccess } from './index.ts'

const jwk = { access: await generateSigningKey(), capability: await generateSigningKey() }
const keys = { access: await createKeyring([jwk.access]), capability: await createKeyring([jwk.capability]) }
const foreign = await generateSigningKey()

const encode = (value: unknown) => base64url.encode(typeof value === 'string' ? value : JSON.stringify(value))

/** Signs whatever header and payload one likes; the payload may be JSON text. */
async function forge(header: object, payload: object | string, key = jwk.access): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'EdDSA', ...header })
    .sign(await importJWK(key, 'EdDSA'), { crit: { b64: true, 'x-crit': true } })
}

/** A JWS signed with a shared secret, the public key taken for one. */
async function hmac(header: object, payload: object, secret: string): Promise<string> {
  const input = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`
  const key = await crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(input))
  return `${input}.${base64url.encode(new Uint8Array(signature))}`
}

interface Forging {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** The key that is good for this kind of token, and for the other. */
  key: typeof foreign
  otherKey: typeof foreign
  otherType: string
}

type Forge = (sound: Forging) => Promise<string>

const x = () => jwk.access.x
const sound = ({ header, claims, key }: Forging) => forge(header, claims, key)
const withHeader = (extra: object) => (f: Forging) => forge({ ...f.header, ...extra }, f.claims, f.key)
const withClaims = (extra: object) => (f: Forging) => forge(f.header, { ...f.claims, ...extra }, f.key)
const asText = (from: string | RegExp, to: string) => (f: Forging) =>
  forge(f.header, JSON.stringify(f.claims).replace(from, to), f.key)
const spelled = (change: (token: string) => string) => async (f: Forging) => change(await sound(f))

/** The last character of a signature of 64 bytes has four bits that do not count. */
function respell(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? '') + 1]
}

const forgeries: [string, Forge][] = [
  ['alg none', async ({ header, claims }) => `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`],
  [
    'alg none with a signature',
    async (f) => `${encode({ ...f.header, alg: 'none' })}.${(await sound(f)).split('.').slice(1).join('.')}`,
  ],
  ['HS256 with the public key', ({ header, claims }) => hmac(header, claims, x())],
  [
    'HS256 with the public key as JWK',
    ({ header, claims, key: { kty, crv, x } }) => hmac(header, claims, JSON.stringify({ kty, crv, x })),
  ],
  ['no kid', withHeader({ kid: undefined })],
  ['an unknown kid', withHeader({ kid: 'unknown' })],
  ['a kid that is no string', withHeader({ kid: 1 })],
  ['a foreign key under our kid', ({ header, claims }) => forge(header, claims, foreign)],
  ['a foreign key under its own kid', ({ header, claims }) => forge({ ...header, kid: foreign.kid }, claims, foreign)],
  [
    'the key of the other kind',
    ({ header, claims, otherKey }) => forge({ ...header, kid: otherKey.kid }, claims, otherKey),
  ],
  [
    'a jwk to verify with',
    ({ header, claims }) => forge({ ...header, jwk: { kty: 'OKP', crv: 'Ed25519', x: foreign.x } }, claims, foreign),
  ],
  ['a jku', withHeader({ jku: 'https://example.com/jwks.json' })],
  ['an x5u', withHeader({ x5u: 'https://example.com/cert.pem' })],
  ['an x5c', withHeader({ x5c: ['AAAA'] })],
  ['a crit', withHeader({ crit: ['x-crit'], 'x-crit': 1 })],
  ['an unencoded payload', withHeader({ crit: ['b64'], b64: true })],
  ['a zip', withHeader({ zip: 'DEF' })],
  ['a cty', withHeader({ cty: 'JWT' })],
  ['no typ', withHeader({ typ: undefined })],
  ['typ JWT', withHeader({ typ: 'JWT' })],
  ['typ of the other kind', (f) => withHeader({ typ: f.otherType })(f)],
  [
    'alg Ed25519, which is another name',
    async ({ header, claims, key }) => {
      const input = `${encode({ ...header, alg: 'Ed25519' })}.${encode(claims)}`
      const own = await crypto.subtle.importKey(
        'jwk',
        { kty: key.kty, crv: key.crv, x: key.x, d: key.d },
        'Ed25519',
        false,
        ['sign'],
      )
      const signature = await crypto.subtle.sign('Ed25519', own, new TextEncoder().encode(input))
      return `${input}.${base64url.encode(new Uint8Array(signature))}`
    },
  ],
  ['no exp', withClaims({ exp: undefined })],
  ['exp 1e400', asText(/"exp":\d+/, '"exp":1e400')],
  ['exp as a string', asText(/"exp":(\d+)/, '"exp":"$1"')],
  ['exp in milliseconds', asText(/"exp":(\d+)/, '"exp":$1000')],
  ['exp with a fraction', asText(/"exp":(\d+)/, '"exp":$1.5')],
  ['exp before iat', (f) => withClaims({ exp: Number(f.claims['iat']) - 1 })(f)],
  ['a life too long', (f) => withClaims({ exp: Number(f.claims['iat']) + 601 })(f)],
  ['no iat', withClaims({ iat: undefined })],
  ['no sub', withClaims({ sub: undefined })],
  ['no jti', withClaims({ jti: undefined })],
  ['another issuer', withClaims({ iss: 'https://other.test' })],
  ['another audience', withClaims({ aud: 'https://other.test' })],
  ['a list of audiences', (f) => withClaims({ aud: [f.claims['iss']] })(f)],
  ['a claim of its own', withClaims({ admin: true })],
  ['a __proto__', asText('{', '{"__proto__":{},')],
  ['claims that are no JSON', (f) => forge(f.header, '{', f.key)],
  ['claims that are a list', (f) => forge(f.header, '[]', f.key)],
  [
    'claims that are no UTF-8',
    async (f) =>
      new CompactSign(Uint8Array.of(0xff))
        .setProtectedHeader({ alg: 'EdDSA', ...f.header })
        .sign(await importJWK(f.key, 'EdDSA')),
  ],
  ['a byte behind it', spelled((token) => `${token}A`)],
  ['a dot behind it', spelled((token) => `${token}.`)],
  ['a part behind it', spelled((token) => `${token}.AAAA`)],
  ['white space behind it', spelled((token) => `${token}\n`)],
  ['white space before it', spelled((token) => ` ${token}`)],
  ['padding', spelled((token) => `${token}==`)],
  ['another spelling of the same signature', spelled(respell)],
  ['the other base64', spelled((token) => token.replace(/.$/, '+'))],
  ['no signature', spelled((token) => token.split('.').slice(0, 2).join('.'))],
  ['an empty signature', spelled((token) => `${token.split('.').slice(0, 2).join('.')}.`)],
  [
    'the signature of other claims',
    async (f) => {
      const other = await withClaims({ jti: 'other' })(f)
      return [...(await sound(f)).split('.').slice(0, 2), other.split('.')[2]].join('.')
    },
  ],
  ['nothing', async () => ''],
  ['dots', async () => '..'],
  ['more than it may be long, and well signed', withClaims({ jti: 'j'.repeat(3_200) })],
  ['more than it may be long', async () => `${'A'.repeat(4_100)}.A.A`],
]

describe('an access token at hello', async () => {
  const world = await createWorld({
    authenticate: async ({ token = '' }) => {
      const claims = await verifyAccess(token, { keys: keys.access, issuer: world.issuer, now: world.clock.now() })
      return { user_id: claims.sub, username: 'x', sid: claims.sid, expires_at: claims.exp * 1000 }
    },
  })
  const now = Math.floor(world.clock.now() / 1000)
  const forging = (): Forging => ({
    header: { typ: accessType, kid: jwk.access.kid },
    claims: {
      iss: world.issuer,
      aud: world.issuer,
      sub: world.ann,
      sid: `sess_${'s'.repeat(22)}`,
      jti: 'j',
      iat: now,
      exp: now + 600,
    },
    key: jwk.access,
    otherKey: jwk.capability,
    otherType: capabilityType,
  })
  const hello = async (token: string) => {
    const client = world.open()
    const { type, code } = await client.ask('system.hello', 'server', { token })
    client.vanish()
    return code ?? type
  }

  it.each(forgeries)('with %s is AUTH_INVALID, and its twin is welcome', async (_name, make) => {
    expect(await hello(await make(forging()))).toBe('AUTH_INVALID')
    expect(await hello(await sound(forging()))).toBe('system.welcome')
  })

  it('from the future is AUTH_INVALID, but for 5 s of leeway', async () => {
    expect(await hello(await withClaims({ iat: now + 5, exp: now + 600 })(forging()))).toBe('system.welcome')
    expect(await hello(await withClaims({ iat: now + 6, exp: now + 600 })(forging()))).toBe('AUTH_INVALID')
  })

  it('past its exp is AUTH_EXPIRED, but for 5 s of leeway, and AUTH_INVALID when it is forged as well', async () => {
    expect(await hello(await withClaims({ iat: now - 100, exp: now - 4 })(forging()))).toBe('system.welcome')
    const expired = { ...forging(), claims: { ...forging().claims, iat: now - 100, exp: now - 5 } }
    expect(await hello(await sound(expired))).toBe('AUTH_EXPIRED')
    expect(await hello(await forge(expired.header, expired.claims, foreign))).toBe('AUTH_INVALID')
  })
})

describe('a capability token at an offer', async () => {
  const world = await createWorld({ capabilityKeys: keys.capability })
  const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
  const now = Math.floor(world.clock.now() / 1000)
  const { member_seq: mv } = (await world.storage.rooms.member(world.room, world.ann)) ?? { member_seq: 0 }
  const policy_seq = (await world.storage.rooms.find(world.room))?.policy_seq ?? 0
  const forging = (): Forging => ({
    header: { typ: capabilityType, kid: jwk.capability.kid },
    claims: {
      iss: world.issuer,
      aud: world.issuer,
      sub: a.peer_id,
      room_id: world.room,
      caps: ['call'],
      iat: now,
      exp: now + 120,
      jti: 'j',
      mv: Math.max(mv, policy_seq),
    },
    key: jwk.capability,
    otherKey: jwk.access,
    otherType: accessType,
  })
  async function offer(cap_token: string): Promise<string> {
    const rtc_id = newRtcId()
    const before = b.frames.length
    const id = a.send('rtc.offer', b.peer_id, { rtc_id, room_id: world.room, purpose: 'call', sdp: sdpOf(), cap_token })
    await settle(a)
    const error = a.frames.find(({ reply_to }) => reply_to === id)
    // What is refused does not reach the other end.
    expect(heard(b, before).filter((type) => type === 'rtc.offer')).toHaveLength(error ? 0 : 1)
    a.send('rtc.bye', b.peer_id, { rtc_id, reason: 'hangup' })
    return error?.code ?? 'delivered'
  }

  it.each(forgeries)('with %s is CAP_INVALID, and its twin is good', async (_name, make) => {
    expect(await offer(await make(forging()))).toBe('CAP_INVALID')
    expect(await offer(await sound(forging()))).toBe('delivered')
  })

  it.each([
    ['a life of 59 s', { exp: now + 59 }],
    ['a life of 181 s', { exp: now + 181 }],
    ['no room', { room_id: undefined }],
    ['no version', { mv: undefined }],
    ['no capabilities', { caps: [] }],
    ['nine capabilities', { caps: [...'abcdefghi'] }],
    ['a capability twice', { caps: ['call', 'call'] }],
    ['capabilities in another order', { caps: ['screen', 'call'] }],
    ['a confirmation of another kind', { cnf: { kid: 'x' } }],
    ['capabilities as text', { caps: 'call' }],
    ['a user as its sub', { sub: world.ann }],
  ])('with %s is CAP_INVALID', async (_name, wrong) => {
    expect(await offer(await withClaims(wrong)(forging()))).toBe('CAP_INVALID')
  })

  it.each([60, 180])('may live %s s', async (life) => {
    expect(await offer(await withClaims({ exp: now + life })(forging()))).toBe('delivered')
  })

  it('past its exp is CAP_EXPIRED, but for 5 s of leeway, and CAP_INVALID when it is forged as well', async () => {
    expect(await offer(await withClaims({ iat: now - 100, exp: now - 4 })(forging()))).toBe('delivered')
    const expired = { ...forging(), claims: { ...forging().claims, iat: now - 100, exp: now - 5 } }
    expect(await offer(await sound(expired))).toBe('CAP_EXPIRED')
    expect(await offer(await forge(expired.header, expired.claims, foreign))).toBe('CAP_INVALID')
    expect(isExpired({ exp: 100 }, 104_999)).toBe(false)
    expect(isExpired({ exp: 100 }, 105_000)).toBe(true)
  })

  it('is looked at to the letter when it comes again', async () => {
    const good = await sound(forging())
    expect(await offer(good)).toBe('delivered')
    expect(await offer(respell(good))).toBe('CAP_INVALID')
    expect(await offer(good)).toBe('delivered')
  })
})
