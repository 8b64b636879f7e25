import { base64url, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import { issueCapability, verifyCapability, type CapabilityClaims } from './capability.ts'
import { createKeyringOf } from './keyring.ts'
import { createKeyring, generateSigningKey, publicKeysFrom } from './keys.ts'

const own = await generateSigningKey()
const next = await generateSigningKey()
const headOf = (token: string) => JSON.parse(new TextDecoder().decode(base64url.decode(token.split('.')[0] ?? '')))
const issuer = 'https://mesh.test'
const claims: CapabilityClaims = {
  iss: issuer,
  aud: issuer,
  sub: `peer_${'p'.repeat(22)}`,
  room_id: `room_${'r'.repeat(22)}`,
  caps: ['call'],
  iat: 0,
  exp: 60,
  jti: 'j',
  mv: 1,
}

describe('keys', () => {
  it('verify with several and sign with the first, so that they can be rotated', async () => {
    const ring = await createKeyring([next, own])
    expect(ring.jwks.keys.map(({ kid }) => kid)).toEqual([next.kid, own.kid])
    expect(JSON.stringify(ring.jwks)).not.toContain(next.d)
    expect(headOf(await ring.sign('x', {}))).toEqual({ alg: 'EdDSA', typ: 'x', kid: next.kid })
    const old = await issueCapability(await createKeyring([own]), claims)
    expect(await verifyCapability(old, { keys: ring, issuer })).toEqual({ ...claims, kid: own.kid })
  })

  it('that are not Ed25519 are left out of a set', async () => {
    const { publicKey } = await generateKeyPair('ES256', { extractable: true })
    const ec = { ...(await exportJWK(publicKey)), kid: 'ec' }
    const ring = await createKeyring([own])
    const found = await publicKeysFrom({
      keys: [ec, { kty: 'oct', k: 'AAAA', kid: 'oct' }, { kty: 'OKP', crv: 'Ed25519', x: own.x }, ...ring.jwks.keys],
    })
    expect(['ec', 'oct', '', own.kid].map((kid) => found.has(kid))).toEqual([false, false, false, true])
    const token = await issueCapability(ring, claims)
    expect(await verifyCapability(token, { keys: found, issuer })).toEqual({ ...claims, kid: own.kid })
  })

  it('that are revoked verify nothing and are shown to nobody, and the next one signs', async () => {
    const ring = await createKeyring([next, own])
    const token = await issueCapability(ring, claims)
    expect(await verifyCapability(token, { keys: ring, issuer })).toBeDefined()
    const underWay = verifyCapability(token, { keys: ring, issuer })
    ring.revoke(next.kid)
    expect(await underWay).toBeUndefined()
    expect(await verifyCapability(token, { keys: ring, issuer })).toBeUndefined()
    expect(ring.jwks.keys.map(({ kid }) => kid)).toEqual([own.kid])
    expect(headOf(await ring.sign('x', {})).kid).toBe(own.kid)
    ring.revoke(own.kid)
    expect(() => ring.sign('x', {})).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  })

  it.each([8, 9])('verify a token of %s capabilities if that is no more than 8', async (count) => {
    const keys = await createKeyring([own])
    const token = await issueCapability(keys, { ...claims, caps: [...'abcdefghi'].slice(0, count) })
    expect((await verifyCapability(token, { keys, issuer })) !== undefined).toBe(count <= 8)
  })

  it('that answer at once keep nobody waiting', () => {
    const signature = new Uint8Array(64)
    const keys = createKeyringOf([
      { kid: 'k', jwk: {}, sign: () => signature, verify: (data, { length }) => data.length > 0 && length === 64 },
    ])
    const token = issueCapability(keys, claims)
    expect(verifyCapability(String(token), { keys, issuer })).toEqual({ ...claims, kid: 'k' })
  })
})
