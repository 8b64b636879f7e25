import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createDatabaseAdmin, readConfig } from '@mesh/server'
import { postgres } from '@mesh/server/postgres'
import { describe, expect, test } from 'vitest'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { addRoom } from './storage-files.ts'

const program = fileURLToPath(new URL('migration-child.ts', import.meta.url))

/** Migrates in a process that kills itself with -9 at a statement; false where it came to its end before. */
async function migrateUntil(url: string, statement: number): Promise<boolean> {
  const child = fork(program, [url, String(statement)], {
    execArgv: ['--conditions=@mesh/source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  expect([code, signal]).toEqual(signal === null ? [0, null] : [null, 'SIGKILL'])
  return signal !== null
}

describe.runIf(hasPostgres)('a migration that is killed', { timeout: 300_000 }, async () => {
  const database = await createDatabase()

  test('at any statement leaves the old schema or the new one, and the next start completes it', async () => {
    const url = await database.schema()
    const admin = createDatabaseAdmin({ config: readConfig({ env: { MESH_DATABASE_URL: url }, cwd: '/' }), cwd: '/' })
    let kills = 0
    while (await migrateUntil(url, kills + 1)) {
      kills += 1
      const { schema } = await admin.status()
      expect(['none', 'up to date'], `after statement ${kills}`).toContain(schema)
    }
    process.stdout.write(`a migration was killed at each of its ${kills} statements\n`)
    expect(kills).toBeGreaterThan(30)
    const storage = await postgres(url, { migrate: 'check' })
    await addRoom(storage, 'room_1')
    await storage.close()
  })
})
