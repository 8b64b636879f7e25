import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMesh } from '@mesh/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mesh-start-'))
  await (await createMesh({ dataDir })).close()
})

afterAll(() => rm(dataDir, { recursive: true, force: true }))

/** Starts the standalone server and returns what it says when it does not come up. */
function refusal(env: Record<string, string>): Promise<{ code: unknown; stderr: string }> {
  const file = new URL('../bin/mesh-server.mjs', import.meta.url).pathname
  const environment = { PATH: process.env.PATH ?? '', MESH_DATA_DIR: dataDir, MESH_PORT: '0', ...env }
  return new Promise((resolve) => {
    execFile(process.execPath, [file], { cwd: dataDir, env: environment, timeout: 15_000 }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    )
  })
}

describe('a server that cannot start', () => {
  it.each([
    [{ MESH_PORT: 'seven' }, 'MESH_PORT'],
    [
      { MESH_LIMITS: '{"ring_ms": -1}' },
      'MESH_LIMITS must name known limits, each with a number in range: look at ring_ms.',
    ],
    [{ MESH_LIMITS: '{"no_such": 1}' }, 'look at no_such.'],
    [{ MESH_DATABASE_URL: 'mysql://localhost/mesh' }, 'MESH_DATABASE_URL'],
    [{ MESH_DATABASE_URL: 'postgres://ana:correct-horse@127.0.0.1:1/mesh' }, 'The PostgreSQL database cannot be used'],
    [{ MESH_PUBLIC_URL: 'mesh.example' }, 'MESH_PUBLIC_URL'],
  ])('says why in one sentence: %j', async (env, expected) => {
    const { code, stderr } = await refusal(env)
    expect(code).toBe(1)
    expect(stderr).toContain(expected)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).not.toContain('horse')
  })

  it('refuses signing keys that others can read, and makes its own unreadable', async () => {
    const file = join(dataDir, 'keys.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await chmod(file, 0o644)
    expect((await refusal({})).stderr).toContain('can be read by other users')
    await chmod(file, 0o600)
  })
})
