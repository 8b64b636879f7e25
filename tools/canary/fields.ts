import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { JsonSchema } from '../fuzz/json-schema.ts'
import { sdp } from '../protocol-suite/sdp.ts'
import type { Kind, Secrets } from './secrets.ts'

/** THE table of the texts that clients may send, by the name of the field. `plain` is nobody's secret. */
const fields: Readonly<Record<string, Kind | 'plain'>> = {
  username: 'name',
  name: 'name',
  title: 'name',
  password: 'password',
  current_password: 'password',
  new_password: 'password',
  token: 'access token',
  refresh_token: 'refresh token',
  cap_token: 'capability token',
  assertion: 'assertion',
  // Those of devices, invitations and the setup: what is made up belongs nowhere, whichever it was meant to be.
  code: 'enrolment code',
  sdp: 'session description',
  candidate: 'candidate',
  sdpMid: 'candidate',
  usernameFragment: 'candidate',
  host: 'candidate',
  text: 'chat text',
  note: 'presence note',
  version: 'stray',
  after: 'query string',
  id: 'host user',
  user_id: 'host user',
  session_id: 'host session',
  kid: 'plain',
  kind: 'plain',
}

/**
 * Fills a schema, optional fields included, with a new canary in each text that may hold a secret.
 * @throws TypeError for a free text that {@link fields} does not know, so that no new field goes unwatched
 */
export function sing(schema: JsonSchema, secrets: Secrets, name = ''): unknown {
  const [option] = schema.anyOf ?? schema.oneOf ?? []
  // `null` comes last where there is a choice.
  if (option) return sing(option, secrets, name)
  if (schema.enum) return schema.enum[0]
  if (schema.const !== undefined) return schema.const
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([key, inner]) => [key, sing(inner, secrets, key)]),
      )
    case 'array':
      return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => sing(schema.items ?? {}, secrets, name))
    case 'string':
      return text(schema, secrets, name)
    case 'integer':
    case 'number':
      return schema.minimum ?? 1
    case 'boolean':
      return false
    default:
      throw new TypeError(`Nothing is known of how to fill ${JSON.stringify(schema)}`)
  }
}

function text({ pattern, minLength = 1 }: JsonSchema, secrets: Secrets, name: string): string {
  const kind = fields[name]
  const fits = pattern === undefined ? undefined : new RegExp(pattern)
  if (kind !== undefined && kind !== 'plain') {
    const sung = shaped(kind, name, secrets)
    if (!fits || fits.test(sung)) return sung
  }
  if (fits) return fc.sample(fc.stringMatching(fits), { numRuns: 1 })[0] ?? ''
  if (kind === 'plain') return 'x'.repeat(minLength)
  throw new TypeError(`fields.ts does not say what kind of secret ${name} may be`)
}

/** A canary in the clothes that its field is used to. */
function shaped(kind: Kind, name: string, secrets: Secrets): string {
  if (kind === 'session description') return sungSdp(secrets)
  if (name === 'host') return sungHost(secrets)
  if (name === 'candidate') return sungCandidate(secrets)
  return secrets.make(kind)
}

/** A session description that passes, with canaries in it. */
export function sungSdp(secrets: Secrets, media = 'audio'): string {
  const sung = () => secrets.make('session description')
  return sdp(media, [`a=ice-ufrag:${sung()}`, `a=ice-pwd:${sung()}`, `a=x-note:${sung()}`])
}

/** A candidate as browsers write it, with a canary and an address that is one. */
export function sungCandidate(secrets: Secrets): string {
  return `candidate:1 1 udp 2122260223 ${sungHost(secrets)} 50001 typ host ufrag ${secrets.make('candidate')}`
}

/** An address that nobody else has. */
export function sungHost(secrets: Secrets): string {
  const groups = Array.from({ length: 7 }, () => (0x1000 + (randomBytes(2).readUInt16BE() % 0xe000)).toString(16))
  return secrets.keep('candidate', `2a01:${groups.join(':')}`)
}
