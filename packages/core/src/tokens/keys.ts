import {
  CompactSign,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JWK,
} from 'jose'

/** An Ed25519 private key as JWK (RFC 8037), with the `kid` under which its signatures are found. */
export interface PrivateJwk extends JWK {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  d: string
  kid: string
}

/** Finds the public key that a token's `kid` names. Never fetches. */
export interface PublicKeys {
  get(kid: string): CryptoKey | undefined
}

/** Signs with one key and verifies with several, so that keys can be rotated with an overlap. */
export interface Keyring extends PublicKeys {
  /** Signs claims as a JWS in compact form, `alg` EdDSA (RFC 8037), with `typ` and `kid` in the header. */
  sign(typ: string, claims: object): Promise<string>
  /** The public halves (RFC 7517), the signing key first. */
  readonly jwks: { keys: JWK[] }
}

/** Makes a fresh Ed25519 key; its `kid` is its thumbprint (RFC 7638). */
export async function generateSigningKey(): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const { x, d } = await exportJWK(privateKey)
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: x ?? '', d: d ?? '' } as const
  return { ...jwk, kid: await calculateJwkThumbprint(jwk) }
}

/** A ring of private keys: the first one signs, all of them verify. @throws TypeError when a key is not Ed25519. */
export async function createKeyring(keys: readonly [PrivateJwk, ...PrivateJwk[]]): Promise<Keyring> {
  const jwks = { keys: keys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' })) }
  const publicKeys = await publicKeysFrom(jwks)
  const signingKey = await importJWK(keys[0], 'EdDSA')
  const { kid } = keys[0]
  return {
    jwks,
    get: publicKeys.get,
    sign: (typ, claims) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'EdDSA', typ, kid })
        .sign(signingKey),
  }
}

/** The keys of a JWKS, as an agent has fetched it from `/.well-known/jwks.json`. Keys that are not Ed25519 are left out. */
export async function publicKeysFrom(jwks: { keys: readonly JWK[] }): Promise<PublicKeys> {
  const keys = new Map<string, CryptoKey>()
  for (const jwk of jwks.keys) {
    if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || !jwk.kid) continue
    const key = await importJWK({ kty: jwk.kty, crv: jwk.crv, ...(jwk.x ? { x: jwk.x } : {}) }, 'EdDSA')
    if (!(key instanceof Uint8Array)) keys.set(jwk.kid, key)
  }
  return { get: (kid) => keys.get(kid) }
}
