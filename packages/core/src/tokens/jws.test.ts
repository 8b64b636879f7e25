import { describe, expect, it } from 'vitest'
import { createWorld, heard, newRtcId, sdpOf, settle } from '../testing/kit.ts'
import { forge, forgeries, respell, sound, withClaims, type Forging } from '../testing/forgeries.ts'
import { createKeyring, generateSigningKey } from './keys.ts'
import { accessType, capabilityType, isExpired, verifyAccess } from './index.ts'

const jwk = { access: await generateSigningKey(), capability: await generateSigningKey() }
const keys = { access: await createKeyring([jwk.access]), capability: await createKeyring([jwk.capability]) }
const foreign = await generateSigningKey()

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
    foreign,
    trap: 'https://example.com',
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
    foreign,
    trap: 'https://example.com',
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
