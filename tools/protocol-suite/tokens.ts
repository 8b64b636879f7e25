import { createHmac } from 'node:crypto'
import { CompactSign, SignJWT, base64url, decodeJwt, decodeProtectedHeader, generateKeyPair, type JWK } from 'jose'

const encode = (value: object): string => base64url.encode(JSON.stringify(value))

/**
 * Every way to turn a good token upside down that a verifier has fallen for before (RFC 8725): each of them says what the
 * good one says, or more, and none is signed with the server's key. By name.
 */
export async function forgeries(
  good: string,
  jwk: JWK | undefined,
  claims: object = {},
): Promise<Record<string, string>> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' })
  const header = decodeProtectedHeader(good)
  const payload = { ...decodeJwt(good), ...claims }
  const [head = '', body = '', signature = ''] = good.split('.')
  const own = (more: object) =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ ...header, alg: 'EdDSA', ...more })
      .sign(privateKey)
  const hmac = (key: string | Buffer) => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`
    return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
  }
  return {
    'another key under the same kid': await own({}),
    'another key, kid unknown': await own({ kid: 'no-such-key' }),
    'another key, shown in the header': await own({ jwk: { kty: 'OKP', crv: 'Ed25519', x: jwk?.x ?? 'AA' } }),
    'another key, fetched from jku': await own({ jku: 'http://127.0.0.1:9/jwks.json' }),
    'claims changed after signing': `${head}.${encode({ ...payload, admin: true })}.${signature}`,
    'a signature of other bytes': `${head}.${body}.${base64url.encode(new Uint8Array(64).fill(7))}`,
    'no signature': `${head}.${body}.`,
    'alg none': `${encode({ ...header, alg: 'none' })}.${encode(payload)}.`,
    'HMAC with the public key': hmac(Buffer.from(jwk?.x ?? 'AA', 'base64url')),
    'HMAC with the public JWK': hmac(JSON.stringify(jwk ?? {})),
    'no JWT at all': 'not-a-token',
    'two parts': `${head}.${body}`,
  }
}

/** A token that nobody's server signed and that ran out long ago. */
export async function forgedAndExpired(good: string): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' })
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ ...decodeJwt(good), iat: now - 1_000, exp: now - 880 })
    .setProtectedHeader({ ...decodeProtectedHeader(good), alg: 'EdDSA' })
    .sign(privateKey)
}
