import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createKeyring, generateSigningKey, issueAssertion, publicJwkOf, type PrivateJwk } from '@mesh/core/tokens'

/** Who this agent is: its device, and the key that proves it, in a file for its owner alone. */
export interface Identity {
  device_id: string
  key: PrivateJwk
}

/** The identity in a file, or undefined where there is none yet. */
export async function readIdentity(file: string): Promise<Identity | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Identity)
}

/** Makes a key, has it enrolled with the code of a user, and keeps it. The private half goes nowhere else. */
export async function enrol(base: string, file: string, code: string, name: string): Promise<Identity> {
  const key = await generateSigningKey()
  const { device_id } = await post(base, '/devices/enrol', { code, name, public_jwk: publicJwkOf(key) })
  const identity = { device_id: String(device_id), key }
  await writeFile(file, JSON.stringify(identity), { mode: 0o600, flag: 'wx' })
  return identity
}

/** An access token, for an assertion signed with the key. */
export async function accessToken(base: string, { device_id, key }: Identity): Promise<string> {
  const { issuer } = (await (await fetch(`${base}/version`)).json()) as { issuer: string }
  const ring = await createKeyring([key])
  const assertion = await issueAssertion(ring, { device_id, issuer, jti: randomUUID(), now: Date.now() })
  return String((await post(base, '/auth/device', { assertion })).access_token)
}

async function post(base: string, path: string, body: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${base}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(String(answer.message))
  return answer
}
