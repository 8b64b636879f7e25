import * as v from 'valibot'
import { field } from '../define.ts'
import { MeshError } from '../errors.ts'
import { verifyJws, type Verified } from './jws.ts'
import type { Keyring, PublicKeys } from './keyring.ts'

/** `typ` of an access token. */
export const accessType = 'mesh-at+jwt'

/** How long an access token lives, in seconds. */
export const accessLifeS = 600

/** How far two clocks may be apart, in seconds. */
export const leewayS = 5

const hostClaims = v.strictObject({
  admin: v.optional(v.literal(true)),
  kind: v.optional(v.pipe(v.string(), v.maxLength(64))),
  roles: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(32))),
})

/** What a host application said of its user when the token was made for them; nothing of it is stored. */
export type HostClaims = v.InferOutput<typeof hostClaims>

const claims = v.strictObject({
  iss: v.string(),
  aud: v.string(),
  sub: field.userId,
  sid: v.optional(field.sessionId),
  device_id: v.optional(field.deviceId),
  host: v.optional(hostClaims),
  gen: v.optional(field.count),
  jti: v.string(),
  iat: field.count,
  exp: field.count,
})

/**
 * What an access token says: this user, through this login or on this device; with `host`, a user of the host
 * application, through a session there. `gen`: the generation of the refresh token
 * that came with it. `iat` and `exp` in seconds.
 */
export type AccessClaims = v.InferOutput<typeof claims>

/** Whom an access token is for, and for how long. */
export interface AccessSubject {
  issuer: string
  user_id: string
  sid?: string | undefined
  device_id?: string | undefined
  host?: HostClaims | undefined
  gen?: number | undefined
  jti: string
  /** Milliseconds since 1970. */
  now: number
  /** In seconds, at most {@link accessLifeS}, which it is unless told. */
  life_s?: number | undefined
}

/** Signs an access token. */
export async function issueAccess(
  ring: Keyring,
  subject: AccessSubject,
): Promise<{ token: string; expires_at: number }> {
  const iat = Math.floor(subject.now / 1000)
  const exp = iat + Math.min(Math.floor(subject.life_s ?? accessLifeS), accessLifeS)
  const token = await ring.sign(accessType, {
    iss: subject.issuer,
    aud: subject.issuer,
    sub: subject.user_id,
    sid: subject.sid,
    device_id: subject.device_id,
    host: subject.host,
    gen: subject.gen,
    jti: subject.jti,
    iat,
    exp,
  })
  return { token, expires_at: exp * 1000 }
}

/** Verifies an access token. `now` in milliseconds. @throws MeshError AUTH_INVALID, AUTH_EXPIRED */
export async function verifyAccess(
  token: string,
  options: { keys: PublicKeys; issuer: string; now: number },
): Promise<Verified<AccessClaims>> {
  const verified = await verifyJws(token, { typ: accessType, keys: options.keys, schema: claims, maxLength: 4096 })
  const now = options.now / 1000
  if (
    !verified ||
    verified.iss !== options.issuer ||
    verified.aud !== options.issuer ||
    verified.exp <= verified.iat ||
    verified.exp - verified.iat > accessLifeS ||
    verified.iat > now + leewayS
  ) {
    throw new MeshError('AUTH_INVALID')
  }
  if (verified.exp + leewayS <= now) throw new MeshError('AUTH_EXPIRED')
  return verified
}
