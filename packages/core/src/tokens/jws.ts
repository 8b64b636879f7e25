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
  const jws = readJws(token, options.maxLength)
  const parsed = v.safeParse(header, jws?.header)
  if (!jws || !parsed.success || parsed.output.typ !== options.typ) return undefined
  const { kid } = parsed.output
  return chain(options.keys.verify(kid, jws.signed, jws.signature), (holds) => {
    if (!holds) return undefined
    const claims = v.safeParse(options.schema, jws.payload, { abortEarly: true })
    return claims.success ? { ...claims.output, kid } : undefined
  })
}

/** A JWS in compact form, taken apart; nothing about it has been verified. */
export interface Jws {
  /** What JSON says, whatever that is; undefined where it is no JSON. */
  readonly header: unknown
  readonly payload: unknown
  /** The text that was signed. */
  readonly signed: string
  readonly signature: Uint8Array
}

/** Takes a JWS in compact form apart. Undefined when it is too long, or not three parts of canonical base64url. */
export function readJws(token: string, maxLength: number): Jws | undefined {
  if (token.length > maxLength) return undefined
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  const [head, body, signature] = parts.map(bytesOf)
  if (!head || !body || !signature) return undefined
  return { header: parseJson(head), payload: parseJson(body), signed: `${parts[0]}.${parts[1]}`, signature }
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
