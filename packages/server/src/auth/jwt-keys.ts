import { MeshError } from '@mesh/core'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose'
import { isLoopbackHost } from '../origin.ts'

/** What the tokens of an issuer are signed with. */
export interface JwtKeyOptions {
  /** Where the issuer's public keys are (https, or http on this machine), or the keys themselves. */
  jwks?: string | URL | JSONWebKeySet
  /** The secret that is shared with the issuer, at least 32 bytes; where there is no `jwks`. */
  secret?: string | Uint8Array
  /** The algorithms that it may be signed with; with `jwks` all that are asymmetric and sound, with `secret` HS256. */
  algorithms?: readonly string[]
}

const asymmetric = ['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const symmetric = ['HS256', 'HS384', 'HS512']

/** How long an issuer that failed is left alone, in milliseconds: nobody else's tokens may make us hammer it. */
const failedPauseMs = 5_000

/** The keys that tokens are verified with, and the algorithms that go with that kind of key. */
export interface JwtKeys {
  readonly key: JWTVerifyGetKey
  readonly algorithms: string[]
}

/** Where the keys of an issuer come from. A public key is never taken for a secret: the algorithms of the two kinds never mix. */
export function createJwtKeys({ jwks, secret, algorithms }: JwtKeyOptions): JwtKeys {
  if (secret !== undefined && jwks === undefined) {
    const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
    if (bytes.length < 32) throw new TypeError('The secret of jwt() has at least 32 bytes')
    return { key: async () => bytes, algorithms: allowed(algorithms ?? ['HS256'], symmetric) }
  }
  if (jwks === undefined || secret !== undefined) throw new TypeError('jwt() wants either jwks or secret')
  const key = typeof jwks === 'string' || jwks instanceof URL ? remote(new URL(jwks)) : createLocalJWKSet(jwks)
  return { key, algorithms: allowed(algorithms ?? asymmetric, asymmetric) }
}

function remote(url: URL): JWTVerifyGetKey {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname))) {
    throw new TypeError('jwks of jwt() is fetched over https')
  }
  let failedAt = -Infinity
  const guarded: FetchImplementation = async (from, options) => {
    if (performance.now() < failedAt + failedPauseMs) throw new MeshError('UNAVAILABLE')
    try {
      const response = await fetch(from, options)
      const keys: unknown = await response.json()
      if (response.status !== 200 || !isKeySet(keys)) throw new Error('No keys')
      return Response.json(keys)
    } catch {
      failedAt = performance.now()
      throw new MeshError('UNAVAILABLE')
    }
  }
  return createRemoteJWKSet(url, { [customFetch]: guarded })
}

function isKeySet(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys)
}

function allowed(wanted: readonly string[], known: readonly string[]): string[] {
  const foreign = wanted.find((alg) => !known.includes(alg))
  if (foreign !== undefined) throw new TypeError(`jwt() does not take ${foreign} with this kind of key`)
  return [...wanted]
}
