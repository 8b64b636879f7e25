import { base64url, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import { createKeyring, generateSigningKey, publicKeysFrom } from './keys.ts'

const own = await generateSigningKey()

describe('keys', () => {
  it('verify with several and sign with the first, so that they can be rotated', async () => {
    const next = await generateSigningKey()
    const ring = await createKeyring([next, own])
    expect(ring.jwks.keys.map(({ kid }) => kid)).toEqual([next.kid, own.kid])
    expect(JSON.stringify(ring.jwks)).not.toContain(next.d)
    const [head = ''] = (await ring.sign('x', {})).split('.')
    expect(JSON.parse(new TextDecoder().decode(base64url.decode(head)))).toEqual({
      alg: 'EdDSA',
      typ: 'x',
      kid: next.kid,
    })
    expect(ring.get(own.kid)).toBeDefined()
  })

  it('that are not Ed25519 are left out of a set', async () => {
    const { publicKey } = await generateKeyPair('ES256', { extractable: true })
    const ec = { ...(await exportJWK(publicKey)), kid: 'ec' }
    const ring = await createKeyring([own])
    const found = await publicKeysFrom({
      keys: [ec, { kty: 'oct', k: 'AAAA', kid: 'oct' }, { kty: 'OKP', crv: 'Ed25519', x: own.x }, ...ring.jwks.keys],
    })
    expect([found.get('ec'), found.get('oct')]).toEqual([undefined, undefined])
    expect(found.get(own.kid)?.type).toBe('public')
  })
})
