import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose'
import { createKeyringOf, createPublicKeys, type Keyring, type PublicKeys, type Signer } from './keyring.ts'

/** An Ed25519 private key as JWK (RFC 8037), with the `kid` under which its signatures are found. */
export interface PrivateJwk extends JWK {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  d: string
  kid: string
}

/** Makes a fresh Ed25519 key; its `kid` is its thumbprint (RFC 7638). */
export async function generateSigningKey(): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const { x, d } = await exportJWK(privateKey)
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: x ?? '', d: d ?? '' } as const
  return { ...jwk, kid: await calculateJwkThumbprint(jwk) }
}

/** The thumbprint (RFC 7638) of an Ed25519 key by the `x` of its JWK. */
export function thumbprintOf(x: string): Promise<string> {
  return calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x })
}

/** The public half of a key, as a JWKS shows it. */
export function publicJwkOf({ kty, crv, x, kid }: PrivateJwk): JWK {
  return { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' }
}

/** A ring of private keys on WebCrypto, for every platform. @throws TypeError when a key is not Ed25519. */
export async function createKeyring(keys: readonly [PrivateJwk, ...PrivateJwk[]]): Promise<Keyring> {
  return createKeyringOf(await Promise.all(keys.map(signerOf)))
}

/** The keys of a JWKS, as an agent has fetched it from `/.well-known/jwks.json`. Keys that are not Ed25519 are left out. */
export async function publicKeysFrom(jwks: { keys: readonly JWK[] }): Promise<PublicKeys> {
  const fit = jwks.keys.filter(({ kty, crv, kid }) => kty === 'OKP' && crv === 'Ed25519' && kid)
  return createPublicKeys(await Promise.all(fit.map(verifierOf)))
}

async function signerOf(key: PrivateJwk): Promise<Signer> {
  const jwk = publicJwkOf(key)
  const signingKey = await keyFrom(key)
  return {
    ...(await verifierOf(jwk)),
    jwk,
    sign: async (data) => new Uint8Array(await crypto.subtle.sign('Ed25519', signingKey, bytesOf(data))),
  }
}

async function verifierOf({ kty, crv, x, kid = '' }: JWK) {
  const key = await keyFrom({ kty, crv, x } as JWK)
  return {
    kid,
    verify: (data: string, signature: Uint8Array) =>
      crypto.subtle.verify('Ed25519', key, new Uint8Array(signature), bytesOf(data)),
  }
}

async function keyFrom(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, 'EdDSA')
  if (key instanceof Uint8Array) throw new TypeError('Not an Ed25519 key')
  return key
}

const bytesOf = (text: string) => new TextEncoder().encode(text)
