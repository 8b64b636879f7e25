import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSigningKey, issueCapability, verifyCapability, type CapabilityClaims, type Keyring } from '@mesh/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openKeys } from './keys.ts'

const hour = 3600_000
const day = 24 * hour
let directory: string
let now: number

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesh-keys-'))
  now = Date.UTC(2030, 0, 1)
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const open = () => openKeys({ directory, rotationMs: 30 * day, now: () => now })
const fileOf = (name = 'keys.json') => join(directory, name)
const contents = async () => JSON.parse(await readFile(fileOf(), 'utf8')) as Record<string, { kid: string }[]>
const kids = ({ jwks }: Keyring) => jwks.keys.map(({ kid }) => kid)

const claims: CapabilityClaims = {
  iss: 'urn:a',
  aud: 'urn:a',
  sub: `peer_${'p'.repeat(22)}`,
  room_id: `room_${'r'.repeat(22)}`,
  caps: ['call'],
  iat: 1000,
  exp: 1120,
  jti: 'j',
  mv: 1,
}
const sign = (keys: Keyring) => String(issueCapability(keys, claims))
const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()) as { kid: string }).kid
const holds = async (keys: Keyring, token: string) =>
  (await verifyCapability(token, { keys, issuer: 'urn:a' })) !== undefined

describe('the file of signing keys', () => {
  it('has a current and a next key a ring, for its owner alone, and is found again', async () => {
    const first = await open()
    expect((await first.list()).map(({ ring, state }) => `${ring} ${state}`)).toEqual([
      'access current',
      'access next',
      'capability current',
      'capability next',
    ])
    expect((await stat(fileOf())).mode & 0o777).toBe(0o600)
    const token = sign(first.capability)
    const again = await open()
    expect(await holds(again.capability, token)).toBe(true)
    expect(await holds(again.access, token)).toBe(false)
    expect(await again.list()).toEqual(await first.list())
  })

  it('of before keys had states still loads: the first one signs, the others verify', async () => {
    const [a, b, c] = [await generateSigningKey(), await generateSigningKey(), await generateSigningKey()]
    await writeFile(fileOf(), JSON.stringify({ access: [a], capability: [b, c] }), { mode: 0o600 })
    const keys = await open()
    expect(kidOf(sign(keys.capability))).toBe(b.kid)
    expect(kids(keys.capability)).toEqual([b.kid, expect.any(String), c.kid])
    expect(kids(keys.access)).toEqual([a.kid, expect.any(String)])
    expect((await contents())['capability']).toHaveLength(3)
  })

  it.each(['keys.json', 'revoked-keys.json'])(
    '%s stops the start when others can read it, or it is none',
    async (name) => {
      const keys = await open()
      await keys.revoke(kids(keys.access)[0] ?? '')
      await chmod(fileOf(name), 0o640)
      await expect(open()).rejects.toThrow(`${fileOf(name)} can be read by other users`)
      await chmod(fileOf(name), 0o600)
      await writeFile(fileOf(name), '{"access":[]}')
      await expect(open()).rejects.toThrow(/^\S+ is not a file of (signing|revoked) keys\.$/)
    },
  )

  it('never shows a private part', async () => {
    const keys = await open()
    const shown = JSON.stringify([await keys.list(), keys.capability.jwks, keys.access.jwks])
    const secrets = Object.values(await contents()).flat() as unknown as { d: string }[]
    expect(secrets).toHaveLength(4)
    for (const { d } of secrets) expect(shown).not.toContain(d)
  })
})

describe('rotation', () => {
  it('lets the next key sign after 30 days by itself, and the former one verify for an hour', async () => {
    const keys = await open()
    const [current, next] = kids(keys.capability)
    now += 30 * day - 1
    await keys.list()
    const token = sign(keys.capability)
    expect(kidOf(token)).toBe(current)
    now += 1
    await keys.list()
    expect(kidOf(sign(keys.capability))).toBe(next)
    expect(kids(keys.capability)).toEqual([next, expect.any(String), current])
    now += hour - 1
    await keys.list()
    expect(await holds(keys.capability, token)).toBe(true)
    now += 1
    await keys.list()
    expect(await holds(keys.capability, token)).toBe(false)
    expect((await contents())['capability']?.map(({ kid }) => kid)).not.toContain(current)
  })

  it('waits by itself until the next key was published for a day, and by hand until it is forced', async () => {
    const keys = await open()
    await expect(keys.rotate()).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'unpublished_key' } })
    now += 29.5 * day
    const [, next = ''] = kids(keys.capability)
    await keys.revoke(next)
    now += 23.9 * hour
    const [current] = kids(keys.capability)
    await keys.list()
    expect(kids(keys.capability)[0]).toBe(current)
    await keys.rotate({ ring: 'access' })
    await keys.rotate({ force: true })
    expect(kids(keys.capability)[0]).not.toBe(current)
    now += day
    await keys.rotate()
  })

  it('is told of as it happens: published, in use, taken away', async () => {
    const keys = await open()
    const told: string[] = []
    const unwatch = keys.watch(({ action, kid }) => told.push(`${action} ${kid}`), console)
    const [current, next] = kids(keys.access)
    await keys.rotate({ ring: 'access' })
    const [, fresh] = kids(keys.access)
    expect(told).toEqual([`key.publish ${fresh}`, `key.rotate ${next}`])
    now += hour
    await keys.list()
    expect(told.slice(2)).toEqual([`key.retire ${current}`])
    unwatch()
  })

  it('never happens by itself where it is off', async () => {
    const keys = await openKeys({ directory, rotationMs: 0, now: () => now })
    const before = kids(keys.access)
    now += 400 * day
    await keys.list()
    expect(kids(keys.access)).toEqual(before)
  })

  it('gets over a clock that was years ahead', async () => {
    now += 3650 * day
    const keys = await open()
    now -= 3650 * day
    await keys.list()
    const [current] = kids(keys.access)
    now += 30 * day
    await keys.list()
    expect(kids(keys.access)[0]).not.toBe(current)
  })
})

describe('a revoked key', () => {
  it('is dead here at once, tells of it, and gives way to a fresh one', async () => {
    const keys = await open()
    const told: string[] = []
    const unwatch = keys.watch(({ action, kid }) => action === 'key.revoke' && told.push(kid), console)
    const token = sign(keys.capability)
    const before = kids(keys.capability)
    const revoking = keys.revoke(kidOf(token))
    expect(await holds(keys.capability, token)).toBe(false)
    expect(told).toEqual([kidOf(token)])
    const views = await revoking
    expect(views.filter(({ state }) => state === 'revoked')).toEqual([
      { kid: kidOf(token), ring: 'capability', state: 'revoked', since: new Date(now).toISOString() },
    ])
    expect(before).not.toContain(kidOf(sign(keys.capability)))
    await keys.revoke(kidOf(token))
    expect(told).toHaveLength(1)
    unwatch()
  })

  it('stays dead after a restart, and when an old copy of the keys comes back', async () => {
    const keys = await open()
    const copy = await readFile(fileOf(), 'utf8')
    const token = sign(keys.capability)
    await keys.revoke(kidOf(token))
    expect(await readFile(fileOf(), 'utf8')).not.toContain(kidOf(token))
    expect(await holds((await open()).capability, token)).toBe(false)
    await writeFile(fileOf(), copy)
    const restored = await open()
    expect(await holds(restored.capability, token)).toBe(false)
    expect(await readFile(fileOf(), 'utf8')).not.toContain(kidOf(token))
    // The copy of a server that runs comes back as well: what it holds in memory holds.
    await rm(fileOf('revoked-keys.json'))
    await writeFile(fileOf(), copy)
    await restored.list()
    expect(await holds(restored.capability, token)).toBe(false)
    expect(await holds((await open()).capability, token)).toBe(false)
  })

  it('is known to another process on the same directory when it looks', async () => {
    const [one, other] = [await open(), await open()]
    const told: string[] = []
    const unwatch = other.watch(({ action, kid }) => action === 'key.revoke' && told.push(kid), console)
    const token = sign(one.access)
    await one.revoke(kidOf(token))
    await other.list()
    expect(told).toEqual([kidOf(token)])
    expect(await holds(other.access, token)).toBe(false)
    expect(kids(other.access)).toEqual(kids(one.access))
    unwatch()
  })

  it('holds in memory where nothing can be written, and is written later', async () => {
    const keys = await open()
    const token = sign(keys.capability)
    await chmod(fileOf(), 0o644)
    await expect(keys.revoke(kidOf(token))).rejects.toThrow('can be read by other users')
    expect(await holds(keys.capability, token)).toBe(false)
    expect(await holds(keys.capability, sign(keys.capability))).toBe(true)
    await chmod(fileOf(), 0o600)
    await keys.list()
    expect(await holds((await open()).capability, token)).toBe(false)
  })

  it('must be one, and of several one that is none spares the others', async () => {
    const keys = await open()
    const [current = ''] = kids(keys.access)
    await expect(keys.revoke(current, 'nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(kids(keys.access)[0]).toBe(current)
  })

  it('may be every one there is', async () => {
    const keys = await open()
    const all = (await keys.list()).map(({ kid }) => kid)
    await keys.revoke(...all)
    const after = await keys.list()
    expect(after.filter(({ state }) => state !== 'revoked')).toHaveLength(4)
    for (const { kid, state } of after) expect(all.includes(kid)).toBe(state === 'revoked')
  })
})
