import * as v from 'valibot'
import { chain, type Awaitable } from '../awaitable.ts'
import { field } from '../define.ts'
import { leewayS } from './access.ts'
import { verifyJws, type Verified } from './jws.ts'
import type { Keyring, PublicKeys } from './keyring.ts'

/** `typ` of a session token. */
export const sessionType = 'mesh-p2p+jwt'

/** How long a session token lives, in seconds: an end that hears nothing of a renewal closes by then. */
export const sessionLifeS = 60

const end = v.strictObject({
  peer_id: field.peerId,
  user_id: field.userId,
  device_id: v.optional(field.deviceId),
  fingerprint: field.fingerprint,
})

const claims = v.strictObject({
  iss: v.string(),
  aud: v.string(),
  jti: v.string(),
  iat: field.count,
  exp: field.count,
  session_id: field.p2pId,
  room_id: field.roomId,
  purpose: field.capability,
  requester: end,
  acceptor: end,
  max_size: field.count,
  max_rate: field.count,
})

/**
 * What a session token says: these two ends, each with the certificate it has to show, may use a connection of their own
 * for `purpose`, and no more than `max_size` bytes at `max_rate` bytes per second (0 is no limit). It is the same for both.
 */
export type SessionClaims = v.InferOutput<typeof claims>

/** Signs a session token. */
export function issueSessionToken(ring: Keyring, token: SessionClaims): Awaitable<string> {
  return ring.sign(sessionType, token)
}

/**
 * Verifies a session token, offline: what an agent does before it lets the other end in, and with each renewal. It then
 * pins the fingerprint of the other end, and so nobody in between, the server's relay included, can take its place.
 * Undefined when anything is wrong with the token, its age included. `now` in milliseconds, `leeway_s` is how far the
 * agent's clock may be from the server's.
 */
export function verifySessionToken(
  token: string,
  { keys, issuer, now, leeway_s = leewayS }: { keys: PublicKeys; issuer: string; now: number; leeway_s?: number },
): Awaitable<Verified<SessionClaims> | undefined> {
  return chain(verifyJws(token, { typ: sessionType, keys, schema: claims, maxLength: 4096 }), (verified) => {
    if (!verified || verified.iss !== issuer || verified.aud !== issuer) return undefined
    const { iat, exp } = verified
    const isOfAge = exp > iat && exp - iat <= sessionLifeS
    const isNow = iat <= now / 1000 + leeway_s && exp + leeway_s > now / 1000
    return isOfAge && isNow ? verified : undefined
  })
}
