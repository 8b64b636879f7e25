import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMesh } from '@mesh/server'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

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

/** Overwrites a part of a file. */
async function spoil(file: string, from: number, to: number): Promise<void> {
  await writeFile(file, (await readFile(file)).fill(0xff, from, to))
}

/** Notes a step of the schema that this version does not know. */
function renew(file: string): void {
  const database = new Database(file)
  database.prepare('insert into mesh_migration (name, timestamp) values (?, ?)').run('9001-later', 'then')
  // Opening it for writing would put it back into WAL mode.
  database.pragma('journal_mode = DELETE')
  database.close()
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

  it.each([
    ['a corrupt database', /is corrupt \(.+\); restore it from a backup/, (file: string) => spoil(file, 4_096, 12_288)],
    ['what is no database', /is not a SQLite database/, (file: string) => spoil(file, 0, 100)],
    ['a database of a newer version', /was written by a newer version of Mesh \(its schema has 9001-later\)/, renew],
  ])('refuses %s, and leaves it to the byte as it is', async (_what, expected, harm) => {
    const file = join(dataDir, 'mesh.db')
    const whole = await readFile(file)
    onTestFinished(() => writeFile(file, whole))
    await harm(file)
    const harmed = await readFile(file)
    expect(harmed.equals(whole)).toBe(false)
    const { code, stderr } = await refusal({})
    expect(stderr).toMatch(expected)
    expect([code, stderr.trim().split('\n').length]).toEqual([1, 1])
    expect((await readFile(file)).equals(harmed)).toBe(true)
  })

  it('refuses signing keys that others can read, and makes its own unreadable', async () => {
    const file = join(dataDir, 'keys.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await chmod(file, 0o644)
    expect((await refusal({})).stderr).toContain('can be read by other users')
    await chmod(file, 0o600)
  })
})
