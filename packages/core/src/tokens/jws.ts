import { base64url, compactVerify } from 'jose'
import * as v from 'valibot'
import type { PublicKeys } from './keys.ts'

const header = v.strictObject({ alg: v.literal('EdDSA'), typ: v.string(), kid: v.string() })

/**
 * Verifies a JWS in compact form and returns its claims, parsed and checked against `schema`; expiry is the caller's to
 * judge. Undefined when anything at all is wrong: the reason is of use only to somebody who tries things out.
 *
 * What RFC 8725 asks for: one algorithm, explicit `typ`, `kid` looked up among known keys, and no other header parameter,
 * so that `jku`, `x5u`, `jwk` and `crit` never come to matter. Base64url must be canonical, or one token would have
 * several spellings.
 */
export async function verifyJws<const S extends v.GenericSchema>(
  token: string,
  options: { typ: string; keys: PublicKeys; schema: S; maxLength: number },
): Promise<v.InferOutput<S> | undefined> {
  if (token.length > options.maxLength) return undefined
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) return undefined
  const parsed = v.safeParse(header, parseJson(base64url.decode(parts[0] ?? '')))
  if (!parsed.success || parsed.output.typ !== options.typ) return undefined
  const key = options.keys.get(parsed.output.kid)
  if (!key) return undefined
  try {
    const { payload } = await compactVerify(token, key, { algorithms: ['EdDSA'] })
    const claims = v.safeParse(options.schema, parseJson(payload), { abortEarly: true })
    return claims.success ? claims.output : undefined
  } catch {
    return undefined
  }
}

function isCanonicalBase64url(part: string): boolean {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return false
  try {
    return base64url.encode(base64url.decode(part)) === part
  } catch {
    return false
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
