import { setTimeout as sleep } from 'node:timers/promises'
import { isMeshError } from '@mesh/core/errors'
import { postgres, type PostgresOptions } from '@mesh/server/postgres'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDatabase, hasPostgres } from './postgres-server.ts'

describe.runIf(hasPostgres)('several processes on one PostgreSQL database', { timeout: 60_000 }, async () => {
  const database = await createDatabase()

  async function open(url: string, options?: PostgresOptions) {
    const storage = await postgres(url, options)
    onTestFinished(() => storage.close())
    return storage
  }

  test('of two that make the first administrator at once, one does', async () => {
    const url = await database.schema()
    const storages = await Promise.all([open(url), open(url)])
    const rounds = 25
    for (let round = 0; round < rounds; round += 1) {
      const admins = storages.map((_, n) => ({
        user_id: `usr_${round}_${n}`,
        username: `admin ${round} ${n}`,
        hashed_password: 'hash',
        admin: true,
        disabled: false,
        created_at: 1,
      }))
      const outcomes = await Promise.all(
        storages.map(({ users }, n) => users.createFirstAdmin(admins[n] ?? expect.unreachable())),
      )
      expect(outcomes.toSorted()).toEqual(['created', 'late'])
      for (const { user_id } of admins) await storages[0]?.users.update(user_id, { admin: false })
    }
  })

  test('one that has to wait for the migration of another waits, longer than a statement may take', async () => {
    const url = await database.schema()
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    onTestFinished(() => other.end())
    // The lock of a process that migrates; see migrate.ts.
    await other.query('begin; select pg_advisory_xact_lock(7330000001)')
    const opened = open(url, { statementTimeoutMs: 200, connectTimeoutMs: 200, lockTimeoutMs: 200 })
    await Promise.race([opened.then(() => expect.unreachable()), sleep(1_000)])
    await other.query('rollback')
    await (await opened).ready()
  })

  test('a text that PostgreSQL cannot keep is bad input, and no fault', async () => {
    const storage = await open(await database.schema())
    const refused = await storage.users.findByName('a\u0000').catch((error: unknown) => error)
    expect(isMeshError(refused) && refused.code).toBe('BAD_MESSAGE')
  })
})
