import { isMeshError, MeshError, readJws } from '@mesh/core'
import { errors, jwtVerify, type JWTPayload } from 'jose'
import * as v from 'valibot'
import type { HostAuthenticate, HostPrincipal } from './host.ts'
import { createJwtKeys, type JwtKeyOptions } from './jwt-keys.ts'
import { rememberedMs } from './revoke.ts'

/** Which tokens are good, and who they stand for. */
export interface JwtOptions extends JwtKeyOptions {
  /** The `iss` that a token must have, to the letter. */
  issuer: string
  /** The `aud` that it must have, or one of several. */
  audience: string | readonly string[]
  /** The `typ` that it may have; `JWT`, `at+jwt` or none unless told. */
  typ?: string
  /** The longest time to its `exp` from now, in seconds; a day unless told, at most the 14 that a revocation is remembered. */
  maxLife?: number
  /** How far the issuer's clock may be off, in seconds; 5 unless told. */
  clockTolerance?: number
  /** Who it stands for, over what is read from it unless told: `sub`, `name` or `preferred_username`, `sid`. Null: nobody. */
  map?(claims: JWTPayload): Partial<HostPrincipal> | null | Promise<Partial<HostPrincipal> | null>
}

/** The longest token that is looked at. */
const maxLength = 8192

// What a verifier must never follow or does not know is not there; everything else says nothing that matters.
const never = v.optional(v.never())
const header = v.object({
  alg: v.string(),
  typ: v.optional(v.string()),
  kid: v.optional(v.pipe(v.string(), v.maxLength(512))),
  jku: never,
  jwk: never,
  x5u: never,
  x5c: never,
  crit: never,
  zip: never,
})

const seconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const claims = v.looseObject({
  iss: v.string(),
  sub: v.pipe(v.string(), v.minLength(1), v.maxLength(512)),
  exp: seconds,
  iat: v.optional(seconds),
  nbf: v.optional(seconds),
})

const shown = v.object({
  name: v.fallback(v.optional(v.string()), undefined),
  preferred_username: v.fallback(v.optional(v.string()), undefined),
  sid: v.fallback(v.optional(v.string()), undefined),
})

/**
 * JSON web tokens of another issuer, as RFC 8725 wants them judged. Keys come from the place that is set and from nowhere
 * else, whatever a token says; they are kept for ten minutes, and tokens with unknown keys cannot make the server ask more
 * often than every 30 seconds.
 * @throws TypeError for options that cannot be meant
 */
export function jwt(options: JwtOptions): HostAuthenticate {
  const { issuer, audience, typ, map, maxLife = 86_400, clockTolerance = 5 } = options
  if (!(maxLife > 0 && maxLife * 1000 <= rememberedMs)) throw new TypeError('maxLife of jwt() is at most 14 days')
  const { key, algorithms } = createJwtKeys(options)

  const ask: HostAuthenticate = async ({ token }) => {
    const jws = token === undefined ? undefined : readJws(token, maxLength)
    if (token === undefined || !jws) return null
    const head = v.safeParse(header, jws.header)
    const body = v.safeParse(claims, jws.payload)
    if (!head.success || !body.success || !isTyp(head.output.typ, typ)) return null
    // Somebody else's token is no reason to ask for our issuer's keys.
    if (body.output.iss !== issuer || !algorithms.includes(head.output.alg)) return null
    if (body.output.exp > Date.now() / 1000 + maxLife) return null
    try {
      const requirements = { issuer, audience: [audience].flat(), algorithms, clockTolerance }
      const { payload } = await jwtVerify(token, key, { ...requirements, requiredClaims: ['sub', 'exp'] })
      return await principalOf(payload, body.output)
    } catch (error) {
      return refuse(error)
    }
  }

  async function principalOf(payload: JWTPayload, { sub, exp, iat }: v.InferOutput<typeof claims>) {
    const { name, preferred_username, sid } = v.parse(shown, payload)
    const mapped = map ? await map(payload) : {}
    if (mapped === null) return null
    return {
      id: sub,
      name: name ?? preferred_username,
      issuer,
      sessionId: sid,
      // What does not say how old it is, is older than any revocation: nobody could take it back otherwise.
      issuedAt: (iat ?? 0) * 1000,
      ...mapped,
      expiresAt: Math.min(exp * 1000 + clockTolerance * 1000, mapped.expiresAt ?? Infinity),
    }
  }

  return Object.assign(ask, { issuers: [issuer] })
}

function isTyp(given: string | undefined, wanted: string | undefined): boolean {
  const typ = given?.toLowerCase().replace(/^application\//, '')
  return wanted === undefined ? typ === undefined || typ === 'jwt' || typ === 'at+jwt' : typ === wanted.toLowerCase()
}

/** Why a token is no good. @throws MeshError AUTH_EXPIRED, UNAVAILABLE; what else is thrown is a fault */
function refuse(error: unknown): null {
  if (error instanceof errors.JWTExpired) throw new MeshError('AUTH_EXPIRED')
  if (isMeshError(error)) throw error
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) throw new MeshError('UNAVAILABLE')
  if (error instanceof errors.JOSEError) return null
  throw error
}
