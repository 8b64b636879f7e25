import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createMemoryStorage } from '@mesh/core'
import { createMesh } from '@mesh/server'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const child = fileURLToPath(new URL('keys-child.ts', import.meta.url))

it('several processes that rotate on one directory lose none of it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-keys-'))
  const rotate = () => run(process.execPath, ['--conditions=@mesh/source', child, dataDir, '10'])
  await Promise.all([rotate(), rotate(), rotate(), rotate()])
  const mesh = await createMesh({ dataDir, storage: createMemoryStorage() })
  for (const ring of ['access', 'capability']) {
    const states = (await mesh.keys.list()).filter((key) => key.ring === ring).map(({ state }) => state)
    expect(states.filter((state) => state === 'former')).toHaveLength(40)
    expect(states.filter((state) => state === 'current')).toHaveLength(1)
    expect(states.filter((state) => state === 'next')).toHaveLength(1)
  }
  expect((await readdir(dataDir)).sort()).toEqual(['keys.json', 'keys.lock', 'notify.key'])
  await mesh.close()
  await rm(dataDir, { recursive: true })
}, 60_000)

it('a key that one of two servers revoked is revoked on both, and in the audit log once', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-keys-'))
  const storage = createMemoryStorage()
  const [one, other] = [await createMesh({ dataDir, storage }), await createMesh({ dataDir, storage })]
  const kid = (await one.keys.list())[0]?.kid ?? ''
  await one.keys.revoke(kid)
  expect((await other.keys.list()).find((key) => key.kid === kid)).toMatchObject({ state: 'revoked' })
  const revoked = await storage.audit.list({ limit: 10, action: 'key.revoke' })
  expect(revoked).toMatchObject([{ actor: 'administrator', kid }])
  for (const mesh of [one, other]) await mesh.close()
  await rm(dataDir, { recursive: true })
})
