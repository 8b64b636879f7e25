import * as v from 'valibot'
import { chain, type Awaitable } from '../awaitable.ts'
import { field } from '../define.ts'
import { leewayS } from './access.ts'
import { verifyJws, type Verified } from './jws.ts'
import type { Keyring, PublicKeys } from './keyring.ts'

/** `typ` of a capability token. */
export const capabilityType = 'mesh-cap+jwt'

/** How long a capability token may live, in seconds. */
export const capabilityLifeS = { min: 60, default: 120, max: 180 } as const

const claims = v.strictObject({
  iss: v.string(),
  aud: v.string(),
  sub: v.union([field.peerId, field.deviceId]),
  room_id: field.roomId,
  caps: v.pipe(
    v.array(field.capability),
    v.minLength(1),
    v.maxLength(8),
    // Sorted and unique, as they are issued: one set of capabilities has one spelling.
    v.check((caps) => caps.every((cap, at) => at === 0 || (caps[at - 1] ?? '') < cap)),
  ),
  iat: field.count,
  exp: field.count,
  jti: v.string(),
  mv: field.count,
  host: v.optional(v.literal(true)),
  sid: v.optional(field.sessionId),
  target_peer_id: v.optional(field.peerId),
  target_device_id: v.optional(field.deviceId),
  max_size: v.optional(field.count),
  max_rate: v.optional(field.count),
  cnf: v.optional(v.strictObject({ jkt: v.string() })),
})

/**
 * What a capability token says: `sub` (a peer or device) may use `caps` in `room_id`, towards the target where one is
 * named, as long as the membership and policy version `mv` and the login `sid` stand. `iat` and `exp` in seconds,
 * `max_size` in bytes, `max_rate` in bytes per second. `host`: the host application allowed it, whatever role and policy say.
 */
export type CapabilityClaims = v.InferOutput<typeof claims>

/** Signs a capability token as it is: what may be in it has been decided before. */
export function issueCapability(ring: Keyring, token: CapabilityClaims): Awaitable<string> {
  return ring.sign(capabilityType, token)
}

/**
 * Verifies all of a capability token that does not depend on who uses it for what and when: signature, kind, issuer, shape and span
 * of life. Undefined when it is not ours. At once where the keys answer at once. Expiry is judged apart
 * ({@link isExpired}), since it comes later in the order of checks and the result of this one may be kept.
 */
export function verifyCapability(
  token: string,
  { keys, issuer }: { keys: PublicKeys; issuer: string },
): Awaitable<Verified<CapabilityClaims> | undefined> {
  return chain(verifyJws(token, { typ: capabilityType, keys, schema: claims, maxLength: 2048 }), (verified) => {
    if (!verified || verified.iss !== issuer || verified.aud !== issuer) return undefined
    const life = verified.exp - verified.iat
    return life >= capabilityLifeS.min && life <= capabilityLifeS.max ? verified : undefined
  })
}

/** Whether a token is past its `exp`, with 5 s of leeway. `now` in milliseconds. */
export function isExpired(token: { exp: number }, now: number): boolean {
  return token.exp + leewayS <= now / 1000
}
