import { base64url, CompactSign, importJWK } from 'jose'
import type { PrivateJwk } from '../tokens/keys.ts'

/** What a sound token is made of, and what forgers have at hand besides. */
export interface Forging {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** The key that is good for this kind of token, one that is good for another kind, and one that is good for nothing. */
  key: PrivateJwk
  otherKey: PrivateJwk
  foreign: PrivateJwk
  /** The `typ` of another kind. */
  otherType: string
  /** Where keys of the forger's could be fetched. */
  trap: string
}

/** Makes a token out of what a sound one is made of. */
export type Forge = (sound: Forging) => Promise<string>

const encode = (value: unknown) => base64url.encode(typeof value === 'string' ? value : JSON.stringify(value))

/** Signs whatever header and payload one likes; the payload may be JSON text. */
export async function forge(header: object, payload: object | string, key: PrivateJwk): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'EdDSA', ...header })
    .sign(await importJWK(key, 'EdDSA'), { crit: { b64: true, 'x-crit': true } })
}

/** A JWS signed with a shared secret, the public key taken for one. */
function hmac(header: object, payload: object, secret: string): Promise<string> {
  const bytes = new TextEncoder().encode(secret)
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ ...header, alg: 'HS256' })
    .sign(bytes)
}

/** The sound token itself. */
export const sound = ({ header, claims, key }: Forging) => forge(header, claims, key)
export const withHeader = (extra: object) => (f: Forging) => forge({ ...f.header, ...extra }, f.claims, f.key)
/** A sound token but for these claims. */
export const withClaims = (extra: object) => (f: Forging) => forge(f.header, { ...f.claims, ...extra }, f.key)
const asText = (from: string | RegExp, to: string) => (f: Forging) =>
  forge(f.header, JSON.stringify(f.claims).replace(from, to), f.key)
const spelled = (change: (token: string) => string) => async (f: Forging) => change(await sound(f))

/** Another spelling of the same token: the last character of a signature of 64 bytes has four bits that do not count. */
export function respell(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? '') + 1]
}

/** Tokens that nobody may take, by what is wrong with them: RFC 8725, and what JSON and base64 leave open. */
export const forgeries: [string, Forge][] = [
  ['alg none', async ({ header, claims }) => `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`],
  [
    'alg none with a signature',
    async (f) => `${encode({ ...f.header, alg: 'none' })}.${(await sound(f)).split('.').slice(1).join('.')}`,
  ],
  ['HS256 with the public key', ({ header, claims, key }) => hmac(header, claims, key.x)],
  [
    'HS256 with the public key as JWK',
    ({ header, claims, key: { kty, crv, x } }) => hmac(header, claims, JSON.stringify({ kty, crv, x })),
  ],
  ['no kid', withHeader({ kid: undefined })],
  ['an unknown kid', withHeader({ kid: 'unknown' })],
  ['a kid that is no string', withHeader({ kid: 1 })],
  ['a foreign key under our kid', ({ header, claims, foreign }) => forge(header, claims, foreign)],
  [
    'a foreign key under its own kid',
    ({ header, claims, foreign }) => forge({ ...header, kid: foreign.kid }, claims, foreign),
  ],
  [
    'the key of the other kind',
    ({ header, claims, otherKey }) => forge({ ...header, kid: otherKey.kid }, claims, otherKey),
  ],
  [
    'a jwk to verify with',
    ({ header, claims, foreign }) =>
      forge({ ...header, jwk: { kty: 'OKP', crv: 'Ed25519', x: foreign.x } }, claims, foreign),
  ],
  ['a jku', (f) => withHeader({ jku: `${f.trap}/jwks.json` })(f)],
  ['an x5u', (f) => withHeader({ x5u: `${f.trap}/cert.pem` })(f)],
  ['an x5c', withHeader({ x5c: ['AAAA'] })],
  ['a crit', withHeader({ crit: ['x-crit'], 'x-crit': 1 })],
  ['an unencoded payload', withHeader({ crit: ['b64'], b64: true })],
  ['a zip', withHeader({ zip: 'DEF' })],
  ['a cty', withHeader({ cty: 'JWT' })],
  ['no typ', withHeader({ typ: undefined })],
  ['typ JWT', withHeader({ typ: 'JWT' })],
  ['typ of the other kind', (f) => withHeader({ typ: f.otherType })(f)],
  [
    'alg Ed25519, which is another name',
    async ({ header, claims, key }) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ ...header, alg: 'Ed25519' })
        .sign(await importJWK(key, 'Ed25519')),
  ],
  ['no exp', withClaims({ exp: undefined })],
  ['exp 1e400', asText(/"exp":\d+/, '"exp":1e400')],
  ['exp as a string', asText(/"exp":(\d+)/, '"exp":"$1"')],
  ['exp in milliseconds', asText(/"exp":(\d+)/, '"exp":$1000')],
  ['exp with a fraction', asText(/"exp":(\d+)/, '"exp":$1.5')],
  ['exp before iat', (f) => withClaims({ exp: Number(f.claims['iat']) - 1 })(f)],
  ['a life too long', (f) => withClaims({ exp: Number(f.claims['iat']) + 601 })(f)],
  ['no iat', withClaims({ iat: undefined })],
  ['no sub', withClaims({ sub: undefined })],
  ['no jti', withClaims({ jti: undefined })],
  ['another issuer', withClaims({ iss: 'https://other.test' })],
  ['another audience', withClaims({ aud: 'https://other.test' })],
  ['a list of audiences', (f) => withClaims({ aud: [f.claims['iss']] })(f)],
  ['a claim of its own', withClaims({ admin: true })],
  ['a __proto__', asText('{', '{"__proto__":{},')],
  ['claims that are no JSON', (f) => forge(f.header, '{', f.key)],
  ['claims that are a list', (f) => forge(f.header, '[]', f.key)],
  [
    'claims that are no UTF-8',
    async (f) =>
      new CompactSign(Uint8Array.of(0xff))
        .setProtectedHeader({ alg: 'EdDSA', ...f.header })
        .sign(await importJWK(f.key, 'EdDSA')),
  ],
  ['a byte behind it', spelled((token) => `${token}A`)],
  ['a dot behind it', spelled((token) => `${token}.`)],
  ['a part behind it', spelled((token) => `${token}.AAAA`)],
  ['white space behind it', spelled((token) => `${token}\n`)],
  ['white space before it', spelled((token) => ` ${token}`)],
  ['padding', spelled((token) => `${token}==`)],
  ['another spelling of the same signature', spelled(respell)],
  ['the other base64', spelled((token) => token.replace(/.$/, '+'))],
  ['no signature', spelled((token) => token.split('.').slice(0, 2).join('.'))],
  ['an empty signature', spelled((token) => `${token.split('.').slice(0, 2).join('.')}.`)],
  [
    'the signature of other claims',
    async (f) => {
      const other = await withClaims({ jti: 'other' })(f)
      return [...(await sound(f)).split('.').slice(0, 2), other.split('.')[2]].join('.')
    },
  ],
  ['nothing', async () => ''],
  ['dots', async () => '..'],
  ['more than it may be long, and well signed', withClaims({ jti: 'j'.repeat(3_200) })],
  ['more than it may be long', async () => `${'A'.repeat(4_100)}.A.A`],
]

const fineElsewhere = new Set([
  'no kid',
  'no typ',
  'typ JWT',
  'a cty',
  'exp before iat',
  'a life too long',
  'no iat',
  'no jti',
  'a list of audiences',
  'a claim of its own',
  'a __proto__',
  'more than it may be long, and well signed',
])

/** Those that are wrong whoever the issuer is; Mesh is stricter with its own. */
export const commonForgeries = forgeries.filter(([name]) => !fineElsewhere.has(name))
