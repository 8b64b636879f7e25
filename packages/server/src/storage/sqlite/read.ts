import Database from 'better-sqlite3'
import { migrationTables, schemaStatus, type SchemaStatus } from '../migrations/index.ts'

/**
 * Looks into a database without changing it, in one view, after checking that it is whole.
 * @throws Error with one sentence where it is not
 */
export async function readSqlite<T>(
  file: string,
  use: (database: Database.Database, status: SchemaStatus) => T | Promise<T>,
): Promise<T> {
  let database: Database.Database | undefined
  try {
    database = new Database(file, { readonly: true, fileMustExist: true })
    database.exec('begin')
    const problem = String(database.pragma('quick_check(1)', { simple: true }))
    if (problem !== 'ok') throw new Error(`The database ${file} is corrupt`)
    return await use(database, schemaStatus(notedIn(database)))
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error
    throw new Error(`The database ${file} cannot be read (${error.code})`, { cause: error })
  } finally {
    database?.close()
  }
}

/** The steps of the schema that a database has noted. */
export function notedIn(database: Database.Database): string[] {
  const table = migrationTables.migrationTableName
  const known = database.prepare("select 1 from sqlite_schema where type = 'table' and name = ?").get(table)
  return known ? (database.prepare(`select name from ${table} order by name`).pluck().all() as string[]) : []
}
