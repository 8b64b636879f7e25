import { isExpired, toInstant, verifyAccess, verifyCapability, type Keyring } from '@mesh/core'
import { accessType, capabilityType } from '@mesh/core/tokens'
import type { MeshServer } from '../mesh-server.ts'

/** What can be said of a token. Nothing in `header` and `claims` is to be believed unless `signature` is `valid`. */
export interface Inspection {
  kind: 'access' | 'capability' | 'unknown'
  /**
   * `valid`: signed by this installation for this kind and issuer, in the right shape. `invalid`: anything else.
   * A kind that this installation does not sign is always invalid.
   */
  signature: 'valid' | 'invalid'
  /** Past its `exp` and the leeway of 5 s; absent where there is no such claim. */
  expired?: boolean
  expires_at?: string
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
}

/** Looks into a token without using it; anything at all may be given. */
export async function inspectToken(
  { keys, issuer }: { keys: { access: Keyring; capability: Keyring }; issuer: MeshServer['issuer'] },
  token: string,
): Promise<Inspection> {
  const [header, claims] = token.split('.', 2).map(decode)
  if (!header || !claims) return { kind: 'unknown', signature: 'invalid' }
  const kind = kindOf(header['typ'])
  const exp = typeof claims['exp'] === 'number' ? claims['exp'] : undefined
  const at = exp === undefined ? Number.NaN : new Date(exp * 1000).getTime()
  const holds =
    (kind === 'capability' && (await verifyCapability(token, { keys: keys.capability, issuer })) !== undefined) ||
    (kind === 'access' && (await isSignedAccess(token, keys.access, issuer, claims['iat'])))
  return {
    kind,
    signature: holds ? 'valid' : 'invalid',
    ...(exp === undefined ? {} : { expired: isExpired({ exp }, Date.now()) }),
    // A forged token may name an instant that no calendar has.
    ...(Number.isNaN(at) ? {} : { expires_at: toInstant(at) }),
    header,
    claims,
  }
}

/** Expiry is told apart from the signature, so the token is verified at the moment it was made. */
async function isSignedAccess(token: string, keys: Keyring, issuer: string, iat: unknown): Promise<boolean> {
  if (typeof iat !== 'number') return false
  try {
    await verifyAccess(token, { keys, issuer, now: iat * 1000 })
    return true
  } catch {
    return false
  }
}

function kindOf(typ: unknown): Inspection['kind'] {
  if (typ === accessType) return 'access'
  return typ === capabilityType ? 'capability' : 'unknown'
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
