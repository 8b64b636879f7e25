import type { Database, Statement } from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Tables } from '../tables.ts'

/**
 * Kysely over a connection that stays its owner's to close. Each statement is compiled once and kept: no value is ever
 * part of an SQL text, and lists of ids come in few lengths, so that there are only as many texts as the code has queries.
 */
export function createKysely(database: Database): Kysely<Tables> {
  const statements = new Map<string, Statement>()

  const prepare = (text: string): Statement => {
    const known = statements.get(text)
    if (known) return known
    const statement = database.prepare(text)
    statements.set(text, statement)
    return statement
  }

  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: { prepare, close() {} } }) })
}
