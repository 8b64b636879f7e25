import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStorage } from '@mesh/core'
import { expect, onTestFinished, test } from 'vitest'
import { createMesh } from '../mesh-server.ts'
import { readinessOf } from './readiness.ts'

test('a server that stops says so at once, though its storage is silent', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-readiness-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const silence = Promise.withResolvers<void>()
  const storage = { ...createMemoryStorage(), ready: () => silence.promise }
  const mesh = await createMesh({ dataDir, storage })
  onTestFinished(() => mesh.close())
  const asked = { ...mesh, mesh: mesh.engine }

  let isJudged = false
  const before = readinessOf(asked).finally(() => (isJudged = true))
  await mesh.engine.drain(0)
  expect(await readinessOf(asked)).toEqual({ isReady: false, checks: { bus: true, accepting: false } })
  expect(isJudged).toBe(false)
  silence.resolve()
  expect((await before).isReady).toBe(false)
})
