import * as v from 'valibot'
import type { Awaitable } from '../awaitable.ts'
import { field } from '../define.ts'
import { MeshError } from '../errors.ts'
import { leewayS } from './access.ts'
import { readJws } from './jws.ts'
import type { Keyring } from './keyring.ts'
import { publicKeysFrom } from './keys.ts'

/** `typ` of a device's assertion. */
export const assertionType = 'mesh-assertion+jwt'

/** The longest that an assertion may live, in seconds. */
export const assertionLifeS = 60

// A device has one key, so that it need not say which.
const header = v.strictObject({ alg: v.literal('EdDSA'), typ: v.literal(assertionType), kid: v.optional(v.string()) })

const claims = v.strictObject({
  iss: field.deviceId,
  sub: field.deviceId,
  aud: v.string(),
  iat: field.count,
  nbf: v.optional(field.count),
  exp: field.count,
  jti: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,128}$/)),
})

/** What a device says of itself: it is `sub`, towards the server `aud`, once. `iat` and `exp` in seconds. */
export type AssertionClaims = v.InferOutput<typeof claims>

/** The public half of a device's Ed25519 key: `x` of its JWK, and its thumbprint (RFC 7638). */
export interface DeviceKey {
  public_key: string
  jkt: string
}

/**
 * Signs an assertion with the one key of `ring`, the device's own: what `POST /auth/device` takes for an access token.
 * `issuer` is the server's, as `/version` has it; `jti` must never come twice; `now` in milliseconds.
 */
export function issueAssertion(
  ring: Keyring,
  device: { device_id: string; issuer: string; jti: string; now: number },
): Awaitable<string> {
  const { device_id, issuer, jti, now } = device
  const iat = Math.floor(now / 1000)
  return ring.sign(assertionType, { iss: device_id, sub: device_id, aud: issuer, iat, exp: iat + assertionLifeS, jti })
}

/**
 * Verifies all of an assertion but whether it comes for the first time. `keyOf` finds the key of the device that it names;
 * a `kid` may be left out, and otherwise is the key's thumbprint or the device id. `now` in milliseconds.
 * @throws MeshError AUTH_INVALID, AUTH_EXPIRED
 */
export async function verifyAssertion(
  token: string,
  options: { keyOf(device_id: string): Awaitable<DeviceKey | undefined>; issuer: string; now: number },
): Promise<AssertionClaims> {
  const jws = readJws(token, 2048)
  const head = v.safeParse(header, jws?.header)
  const body = v.safeParse(claims, jws?.payload, { abortEarly: true })
  if (!jws || !head.success || !body.success || !isSound(body.output, options)) throw invalid()
  const [{ kid }, said] = [head.output, body.output]
  const key = await options.keyOf(said.sub)
  if (!key || (kid !== undefined && kid !== key.jkt && kid !== said.sub)) throw invalid()
  const keys = await publicKeysFrom({ keys: [{ kty: 'OKP', crv: 'Ed25519', x: key.public_key, kid: key.jkt }] })
  if (!(await keys.verify(key.jkt, jws.signed, jws.signature))) throw invalid()
  if (said.exp + leewayS <= options.now / 1000) throw new MeshError('AUTH_EXPIRED', 'The assertion has expired')
  return said
}

function isSound(said: AssertionClaims, { issuer, now }: { issuer: string; now: number }): boolean {
  const latest = now / 1000 + leewayS
  return (
    said.iss === said.sub &&
    said.aud === issuer &&
    said.exp > said.iat &&
    said.exp - said.iat <= assertionLifeS &&
    said.iat <= latest &&
    (said.nbf ?? 0) <= latest
  )
}

const invalid = () => new MeshError('AUTH_INVALID', 'The assertion is not valid')
