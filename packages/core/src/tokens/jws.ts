import { base64url } from 'jose'
import * as v from 'valibot'
import { chain, type Awaitable } from '../awaitable.ts'
import type { PublicKeys } from './keyring.ts'

const header = v.strictObject({ alg: v.literal('EdDSA'), typ: v.string(), kid: v.string() })

/** What a verified token says, and `kid`, the key that signed it: a token is good for as long as its key is. */
export type Verified<C> = C & { readonly kid: string }

/**
 * Verifies a JWS in compact form and returns its claims, parsed and checked against `schema`, at once where the keys
 * answer at once; expiry is the caller's to judge. Undefined when anything at all is wrong: the reason is of use only to
 * somebody who tries things out.
 *
 * What RFC 8725 asks for: one algorithm, explicit `typ`, `kid` looked up among known keys, and no other header parameter,
 * so that `jku`, `x5u`, `jwk` and `crit` never come to matter. Base64url must be canonical, or one token would have
 * several spellings.
 */
export function verifyJws<const S extends v.GenericSchema<unknown, object>>(
  token: string,
  options: { typ: string; keys: PublicKeys; schema: S; maxLength: number },
): Awaitable<Verified<v.InferOutput<S>> | undefined> {
  if (token.length > options.maxLength) return undefined
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  const [head, body, signature] = parts.map(bytesOf)
  if (!head || !body || !signature) return undefined
  const parsed = v.safeParse(header, parseJson(head))
  if (!parsed.success || parsed.output.typ !== options.typ) return undefined
  const { kid } = parsed.output
  return chain(options.keys.verify(kid, `${parts[0]}.${parts[1]}`, signature), (holds) => {
    if (!holds) return undefined
    const claims = v.safeParse(options.schema, parseJson(body), { abortEarly: true })
    return claims.success ? { ...claims.output, kid } : undefined
  })
}

/** The bytes of canonical base64url, or undefined. */
function bytesOf(part: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined
  try {
    const bytes = base64url.decode(part)
    return base64url.encode(bytes) === part ? bytes : undefined
  } catch {
    return undefined
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
