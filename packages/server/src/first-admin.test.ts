import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStorage, silentLogger } from '@mesh/core'
import { expect, it, onTestFinished } from 'vitest'
import { prepareFirstAdmin, setupNotice } from './first-admin.ts'
import { createMesh } from './mesh-server.ts'

const bootstrap = { username: 'root', password: 'correct horse battery staple' }

/** Several nodes on one storage, each of which is started for the first time. */
async function createNodes(count: number) {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-first-'))
  const storage = createMemoryStorage()
  const nodes = await Promise.all(Array.from({ length: count }, () => createMesh({ dataDir, storage })))
  onTestFinished(async () => {
    for (const node of nodes) await node.close()
    await rm(dataDir, { recursive: true })
  })
  return nodes
}

it('of several nodes that start together one makes the administrator of the settings, and the others go on', async () => {
  const nodes = await createNodes(3)
  const codes = await Promise.all(nodes.map((node) => prepareFirstAdmin(node, { bootstrap }, silentLogger)))
  expect(codes).toEqual([undefined, undefined, undefined])
  expect(await nodes[0]?.accounts.list({ limit: 10 })).toMatchObject([{ username: 'root', admin: true }])
})

it('one that cannot be made stops the start with a sentence that names the setting', async () => {
  const [node] = await createNodes(1)
  if (!node) throw new Error('no node')
  await expect(
    prepareFirstAdmin(node, { bootstrap: { ...bootstrap, password: 'short' } }, silentLogger),
  ).rejects.toThrow(/^MESH_BOOTSTRAP_ADMIN cannot become the first administrator: .+\.$/)
})

it('what is printed leads to the server that knows the code: of several nodes not to the address of them all', () => {
  const publicUrl = 'https://mesh.example.org'
  const [own, dataDir] = ['http://10.0.0.7:7330', '/data']
  const curl = (config: object) => /curl (\S+)/.exec(setupNotice('CODE', own, { dataDir, ...config }))?.[1]
  expect(curl({})).toBe(`${own}/api/v1/setup`)
  expect(curl({ publicUrl })).toBe(`${publicUrl}/api/v1/setup`)
  expect(curl({ publicUrl, redisUrl: 'redis://h' })).toBe(`${own}/api/v1/setup`)
})
