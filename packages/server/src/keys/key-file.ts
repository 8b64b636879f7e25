import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { toInstant } from '@mesh/core'
import * as v from 'valibot'
import { ringNames, type RingKey, type RingName } from './key-ring.ts'
import { readPrivate, writePrivate } from './private-file.ts'

/** A key that is good for nothing any more. */
export interface RevokedKey {
  readonly kid: string
  readonly ring: RingName
  /** When that was, in milliseconds since 1970. */
  readonly since: number
}

/** What an installation knows of its signing keys. */
export interface KeyContents extends Readonly<Record<RingName, readonly RingKey[]>> {
  readonly revoked: readonly RevokedKey[]
}

const kid = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/))
const since = v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse))
const privateJwk = v.strictObject({
  kty: v.literal('OKP'),
  crv: v.literal('Ed25519'),
  x: v.string(),
  d: v.string(),
  kid,
})
const ringKey = v.strictObject({ ...privateJwk.entries, state: v.picklist(['next', 'current', 'former']), since })
const ring = v.array(ringKey)
const keyFile = v.strictObject({ access: ring, capability: ring })
// Before keys had states, the first of a list signed and all of them verified.
const list = v.pipe(v.array(privateJwk), v.minLength(1))
const listFile = v.strictObject({ access: list, capability: list })
const revokedFile = v.strictObject({ revoked: v.array(v.strictObject({ kid, ring: v.picklist(ringNames), since })) })

const fileIn = (directory: string) => join(directory, 'keys.json')
// In a file of its own, so that an old copy of the keys does not bring back what was revoked since.
const revokedIn = (directory: string) => join(directory, 'revoked-keys.json')

/**
 * Reads the keys in a directory; undefined where there are none.
 * @throws Error with one sentence when a file can be read by others, or is not what it should be.
 */
export async function readKeys(directory: string, now: number): Promise<KeyContents | undefined> {
  const [text, revokedText = '{"revoked":[]}'] = await Promise.all([
    readPrivate(fileIn(directory)),
    readPrivate(revokedIn(directory)),
  ])
  const revoked = v.safeParse(revokedFile, parseJson(revokedText))
  if (!revoked.success) throw new Error(`${revokedIn(directory)} is not a file of revoked keys.`)
  const rings = text === undefined ? { access: [], capability: [] } : ringsOf(parseJson(text), now)
  if (!rings) throw new Error(`${fileIn(directory)} is not a file of signing keys.`)
  return text === undefined && revoked.output.revoked.length === 0 ? undefined : { ...rings, ...revoked.output }
}

/** Writes the keys of a directory, which is made where it is missing. Private parts stand in `keys.json` alone. */
export async function writeKeys(directory: string, { revoked, ...rings }: KeyContents): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if (revoked.length > 0) {
    const lines = revoked.map((key) => ({ ...key, since: toInstant(key.since) }))
    await writePrivate(revokedIn(directory), textOf({ revoked: lines }))
  }
  const lines = (ring: readonly RingKey[]) =>
    ring.map(({ state, since, jwk }) => ({ state, since: toInstant(since), ...jwk }))
  await writePrivate(fileIn(directory), textOf({ access: lines(rings.access), capability: lines(rings.capability) }))
}

function ringsOf(value: unknown, now: number): Record<RingName, RingKey[]> | undefined {
  const parsed = v.safeParse(keyFile, value)
  if (parsed.success) {
    const keysOf = (ring: typeof parsed.output.access) =>
      ring.map(({ state, since, ...jwk }) => ({ state, since, jwk }))
    return { access: keysOf(parsed.output.access), capability: keysOf(parsed.output.capability) }
  }
  const old = v.safeParse(listFile, value)
  if (!old.success) return undefined
  const keysOf = (jwks: typeof old.output.access): RingKey[] =>
    jwks.map((jwk, at) => ({ state: at === 0 ? 'current' : 'former', since: now, jwk }))
  return { access: keysOf(old.output.access), capability: keysOf(old.output.capability) }
}

const textOf = (value: object) => `${JSON.stringify(value, null, 2)}\n`

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
