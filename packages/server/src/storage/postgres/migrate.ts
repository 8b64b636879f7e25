import { sql, type Kysely } from 'kysely'
import { migrateToLatest, migrationTables, newerSchema, schemaStatus, type SchemaStatus } from '../migrations/index.ts'
import { touch } from '../operations/touch.ts'
import type { Db } from '../tables.ts'
import type { Connections } from './connections.ts'
import { toSentence } from './failure.ts'
import { placeOf } from './place.ts'

/** One process migrates a database at a time; any number that no other program is likely to have chosen. */
const lockKey = 7_330_000_001

/** How long a process waits for another one that migrates, in milliseconds. */
const lockTimeoutMs = 60_000

/**
 * Brings the schema up to date, or only looks whether it is.
 * @throws Error with one sentence, which never has the password
 */
export async function prepareSchema(connections: Connections, mode: 'auto' | 'check'): Promise<void> {
  try {
    const { newer, missing } = await connections.use(statusOf)
    if (newer) throw newerSchema('The PostgreSQL database', newer)
    if (missing.length === 0) return
    if (mode === 'check') {
      const what = missing.join(', ')
      throw new Error(
        `The schema of the PostgreSQL database is not up to date (${what} missing): run mesh-cli db migrate`,
      )
    }
    await connections.transact(migrate)
  } catch (error) {
    throw toSentence(error)
  }
}

/** Which steps the schema has taken; changes nothing. @throws Error as {@link placeOf} does */
export async function statusOf(db: Db): Promise<SchemaStatus> {
  const { isMade } = await placeOf(db)
  if (!isMade) return schemaStatus([])
  const table = migrationTables.migrationTableName
  const noted = await sql<{ name: string }>`select name from ${sql.table(table)} order by name`.execute(db)
  return schemaStatus(noted.rows.map(({ name }) => name))
}

async function migrate(db: Db): Promise<void> {
  // Steps may take longer than a request. These settings, like the lock, end with the transaction.
  await sql`select set_config('statement_timeout', '0', true), set_config('lock_timeout', ${String(lockTimeoutMs)}, true)`.execute(
    db,
  )
  await sql`select pg_advisory_xact_lock(${sql.lit(lockKey)})`.execute(db)
  // Again, because another process may have been faster than this one.
  const { newer } = await statusOf(db)
  if (newer) throw newerSchema('The PostgreSQL database', newer)
  const { schema } = await placeOf(db)
  await migrateToLatest(db as Kysely<unknown>, schema)
  await touch(db)
}
