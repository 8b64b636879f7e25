import { base64url, type JWK } from 'jose'
import { chain, type Awaitable } from '../awaitable.ts'
import { MeshError } from '../errors.ts'

/** Checks signatures under the key that a token's `kid` names. Never fetches. */
export interface PublicKeys {
  /** Whether a key is known and has not been revoked. */
  has(kid: string): boolean
  /** Whether `signature` is that of `data` under this key; false also for a key that is unknown or revoked. */
  verify(kid: string, data: string, signature: Uint8Array): Awaitable<boolean>
}

/** Signs with one key and verifies with several, so that keys can be rotated with an overlap. */
export interface Keyring extends PublicKeys {
  /**
   * Signs claims as a JWS in compact form, `alg` EdDSA (RFC 8037), with `typ` and `kid` in the header.
   * @throws MeshError UNAVAILABLE when every key has been revoked
   */
  sign(typ: string, claims: object): Awaitable<string>
  /** The public halves (RFC 7517) of the keys in force, the signing key first. */
  readonly jwks: { keys: JWK[] }
  /** From now on nothing verifies that this key signed, and the next one signs. Holds for this ring, not beyond a restart. */
  revoke(kid: string): void
}

/** Checks the signatures of one key. */
export interface Verifier {
  readonly kid: string
  verify(data: string, signature: Uint8Array): Awaitable<boolean>
}

/** One key with its private half, in whatever cryptography the platform has. */
export interface Signer extends Verifier {
  /** The public half. */
  readonly jwk: JWK
  sign(data: string): Awaitable<Uint8Array>
}

/** @see PublicKeys */
export function createPublicKeys(verifiers: Iterable<Verifier>): PublicKeys & { revoke(kid: string): void } {
  const known = new Map<string, Verifier>()
  for (const verifier of verifiers) known.set(verifier.kid, verifier)
  return {
    has: (kid) => known.has(kid),
    // Asked again when the answer is there: the key may have been revoked while it was being worked out.
    verify: (kid, data, signature) =>
      chain(known.get(kid)?.verify(data, signature) ?? false, (holds) => holds && known.has(kid)),
    revoke: (kid) => void known.delete(kid),
  }
}

/** A ring of signers: the first one signs, all of them verify. @see Keyring */
export function createKeyringOf(signers: readonly Signer[]): Keyring {
  const keys = createPublicKeys(signers)
  const inForce = () => signers.filter(({ kid }) => keys.has(kid))
  return {
    ...keys,
    get jwks() {
      return { keys: inForce().map(({ jwk }) => jwk) }
    },
    sign(typ, claims) {
      const [signer] = inForce()
      if (!signer) throw new MeshError('UNAVAILABLE')
      const data = `${encode({ alg: 'EdDSA', typ, kid: signer.kid })}.${encode(claims)}`
      return chain(signer.sign(data), (signature) => `${data}.${base64url.encode(signature)}`)
    },
  }
}

const encode = (value: object) => base64url.encode(JSON.stringify(value))
