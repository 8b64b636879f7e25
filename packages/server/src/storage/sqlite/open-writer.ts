import Database from 'better-sqlite3'
import type { Kysely } from 'kysely'
import { migrateToLatest, newerSchema, schemaStatus } from '../migrations/index.ts'
import { touch } from '../operations/touch.ts'
import type { Db } from '../tables.ts'
import { createKysely } from './kysely.ts'
import type { WriterSettings } from './messages.ts'
import { notedIn } from './read.ts'

/** The database is not fit to be opened; the message is one sentence for whoever starts the server. */
export class RefusedDatabase extends Error {}

/**
 * Opens the one connection that writes: checks the file without touching it, makes commits durable, and brings the schema
 * up to date with every other process kept out.
 *
 * @throws RefusedDatabase, or SqliteError where the file is locked or the disk does not serve
 */
export async function openWriter(settings: WriterSettings): Promise<{ database: Database.Database; db: Db }> {
  const { file, busyTimeoutMs, maxBytes } = settings
  const deadline = Date.now() + busyTimeoutMs
  inspect(file, busyTimeoutMs)
  const database = new Database(file, { fileMustExist: true, timeout: busyTimeoutMs })
  try {
    await patiently(deadline, () => database.pragma('journal_mode = WAL'))
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    database.pragma(`busy_timeout = ${busyTimeoutMs}`)
    database.pragma('trusted_schema = OFF')
    if (maxBytes !== undefined) {
      const pageSize = Number(database.pragma('page_size', { simple: true }))
      database.pragma(`max_page_count = ${Math.floor(maxBytes / pageSize)}`)
    }
    const db = createKysely(database)
    await patiently(deadline, () => database.exec('begin immediate'))
    // Again, because a newer version may have been faster than this one.
    refuseNewer(database, file)
    await migrateToLatest(db as Kysely<unknown>)
    await touch(db)
    database.exec('commit')
    assertPragmas(database, file, busyTimeoutMs)
    return { database, db }
  } catch (error) {
    database.close()
    throw error
  }
}

/** Looks at the file through a connection that cannot change it. */
function inspect(file: string, timeout: number): void {
  const database = openReadonly(file, timeout)
  try {
    const problem = String(database.pragma('quick_check(1)', { simple: true }))
    if (problem !== 'ok') throw new RefusedDatabase(corrupt(file, problem))
    refuseNewer(database, file)
  } catch (error) {
    throw explained(error, file)
  } finally {
    database.close()
  }
}

function openReadonly(file: string, timeout: number): Database.Database {
  try {
    return new Database(file, { readonly: true, fileMustExist: true, timeout })
  } catch (error) {
    throw explained(error, file)
  }
}

function refuseNewer(database: Database.Database, file: string): void {
  const { newer } = schemaStatus(notedIn(database))
  if (newer !== undefined) throw new RefusedDatabase(newerSchema(`The database ${file}`, newer).message)
}

/** A connection may report `synchronous` FULL and drop to NORMAL with its first write, hence only after one. */
function assertPragmas(database: Database.Database, file: string, busyTimeoutMs: number): void {
  const wanted = {
    journal_mode: 'wal',
    synchronous: 2,
    foreign_keys: 1,
    busy_timeout: busyTimeoutMs,
    trusted_schema: 0,
  }
  for (const [name, value] of Object.entries(wanted)) {
    const actual = database.pragma(name, { simple: true })
    if (actual !== value) {
      throw new RefusedDatabase(`The database ${file} cannot be kept safe: ${name} is ${String(actual)}, not ${value}`)
    }
  }
}

function explained(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  if (error.code === 'SQLITE_NOTADB') return new RefusedDatabase(`The file ${file} is not a SQLite database`)
  if (error.code.startsWith('SQLITE_CORRUPT')) return new RefusedDatabase(corrupt(file, error.message))
  return error
}

function corrupt(file: string, problem: string): string {
  return `The database ${file} is corrupt (${problem.replaceAll(/\s+/g, ' ').trim()}); restore it from a backup`
}

/** Some locks fail at once, whatever the busy timeout: a change of journal mode, recovery by another process. */
async function patiently(deadline: number, attempt: () => unknown): Promise<void> {
  for (;;) {
    try {
      attempt()
      return
    } catch (error) {
      const busy = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
      if (!busy || Date.now() >= deadline) throw error
      await new Promise((resume) => setTimeout(resume, 20))
    }
  }
}
