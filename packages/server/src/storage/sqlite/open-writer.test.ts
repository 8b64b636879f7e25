import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openWriter } from './open-writer.ts'
import { readSqlite } from './read.ts'

/** Migrates a file, and kills itself with -9 before a statement: `<file> <number>`. */
const program = `
  import Database from 'better-sqlite3'
  import { openWriter } from ${JSON.stringify(new URL('open-writer.ts', import.meta.url).href)}
  const [file, before] = process.argv.slice(1)
  let left = Number(before)
  const deadly = (prototype, name) => {
    const original = prototype[name]
    prototype[name] = function (...args) {
      if (--left === 0) process.kill(process.pid, 'SIGKILL')
      return original.apply(this, args)
    }
  }
  deadly(Database.prototype, 'exec')
  const statement = Object.getPrototypeOf(new Database(':memory:').prepare('select 1'))
  for (const name of ['run', 'all']) deadly(statement, name)
  await openWriter({ file, busyTimeoutMs: 5_000, maxBytes: undefined, groupRequests: 64, groupMs: 5 })
  process.exit()`

/** Whether it was killed before it came to its end. */
function migrateUntil(file: string, statement: number): Promise<boolean> {
  const args = ['--conditions=@mesh/source', '--input-type=module', '-e', program, file, String(statement)]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: import.meta.dirname }, (error) => {
      if (error && error.signal !== 'SIGKILL') reject(error)
      else resolve(error !== null)
    })
  })
}

test(
  'a migration that is killed at any statement leaves the old schema or the new one',
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mesh-storage-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'mesh.db')
    await writeFile(file, '')
    let kills = 0
    while (await migrateUntil(file, kills + 1)) {
      kills += 1
      const missing = await readSqlite(file, (_, status) => status.missing.length)
      // Nothing is committed before the last of them.
      if (missing > 0) expect(await readSqlite(file, (_, { taken }) => taken), `after statement ${kills}`).toEqual([])
    }
    process.stdout.write(`a migration was killed before each of its ${kills} statements\n`)
    expect(kills).toBeGreaterThan(30)
    expect(await readSqlite(file, (_, { missing }) => missing)).toEqual([])
  },
)

test('commits are durable: the pragmas hold after a write', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-storage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'mesh.db')
  await writeFile(file, '')
  const settings = { file, busyTimeoutMs: 5_000, maxBytes: undefined, groupRequests: 64, groupMs: 5 }
  const { database, db } = await openWriter(settings)
  try {
    await db.updateTable('mesh_room').set({ seq: 1 }).execute()
    const pragma = (name: string) => database.pragma(name, { simple: true })
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('foreign_keys')).toBe(1)
    expect(pragma('busy_timeout')).toBe(5_000)
    expect(pragma('trusted_schema')).toBe(0)
  } finally {
    database.close()
  }
})
