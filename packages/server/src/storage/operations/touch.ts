import { sql } from 'kysely'
import { migrationTables } from '../migrations/index.ts'
import type { Db } from '../tables.ts'

/** Writes what stands there already: shows whether the database can be written at all. */
export async function touch(db: Db): Promise<void> {
  await sql`update ${sql.table(migrationTables.migrationLockTableName)} set is_locked = 0`.execute(db)
}
