import { describe, expect, it } from 'vitest'
import { isMeshError } from '../errors.ts'
import { forge, forgeries, sound, withClaims, withHeader, type Forging } from '../testing/forgeries.ts'
import {
  accessType,
  assertionType,
  createKeyring,
  generateSigningKey,
  issueAssertion,
  verifyAssertion,
} from './index.ts'

const key = await generateSigningKey()
const otherKey = await generateSigningKey()
const foreign = await generateSigningKey()
const device_id = `dev_${'d'.repeat(22)}`
const issuer = 'https://mesh.test'
const now = 1_800_000_000

const forging = (): Forging => ({
  header: { typ: assertionType, kid: key.kid },
  claims: { iss: device_id, sub: device_id, aud: issuer, jti: 'j', iat: now, exp: now + 60 },
  key,
  otherKey,
  foreign,
  trap: 'https://example.com',
  otherType: accessType,
})

/** What becomes of an assertion; the server knows one device. */
async function judge(token: string, at = now): Promise<string> {
  const keyOf = (id: string) => (id === device_id ? { public_key: key.x, jkt: key.kid } : undefined)
  try {
    const { sub } = await verifyAssertion(token, { keyOf, issuer, now: at * 1000 })
    return sub
  } catch (error) {
    return isMeshError(error) ? error.code : String(error)
  }
}

describe('an assertion', () => {
  // A device has one key, so that nothing has to say which.
  const those = forgeries.filter(([name]) => name !== 'no kid')

  it.each(those)('with %s is AUTH_INVALID, and its twin is good', async (_name, make) => {
    expect(await judge(await make(forging()))).toBe('AUTH_INVALID')
    expect(await judge(await sound(forging()))).toBe(device_id)
  })

  it.each([
    ['another device as its sub', { sub: `dev_${'e'.repeat(22)}` }],
    ['another device as its issuer', { iss: `dev_${'e'.repeat(22)}` }],
    ['an unknown device', { iss: `dev_${'e'.repeat(22)}`, sub: `dev_${'e'.repeat(22)}` }],
    ['a user as its sub', { iss: `usr_${'d'.repeat(22)}`, sub: `usr_${'d'.repeat(22)}` }],
    ['a life of 61 s', { exp: now + 61 }],
    ['no life', { exp: now }],
    ['a start that is to come', { nbf: now + 6 }],
    ['an empty jti', { jti: '' }],
    ['a jti too long', { jti: 'j'.repeat(129) }],
    ['a jti that is no text', { jti: 7 }],
  ])('with %s is AUTH_INVALID', async (_name, wrong) => {
    expect(await judge(await withClaims(wrong)(forging()))).toBe('AUTH_INVALID')
  })

  it('needs no kid, and else the thumbprint of the key or the device', async () => {
    for (const kid of [undefined, device_id]) expect(await judge(await withHeader({ kid })(forging()))).toBe(device_id)
  })

  it('has 5 s of leeway on either side', async () => {
    const token = await sound(forging())
    expect(await judge(token, now - 5)).toBe(device_id)
    expect(await judge(token, now - 6)).toBe('AUTH_INVALID')
    expect(await judge(token, now + 64)).toBe(device_id)
    expect(await judge(token, now + 65)).toBe('AUTH_EXPIRED')
    const { header, claims } = forging()
    expect(await judge(await forge(header, claims, foreign), now + 65)).toBe('AUTH_INVALID')
  })

  it('is what a device signs', async () => {
    const ring = await createKeyring([key])
    expect(await judge(await issueAssertion(ring, { device_id, issuer, jti: 'j', now: now * 1000 }))).toBe(device_id)
  })
})
