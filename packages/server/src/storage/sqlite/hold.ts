import { MeshError } from '@mesh/core/errors'
import Database from 'better-sqlite3'

/** What others may still do with a database that is held, and what keeps them from the rest. */
const locks = {
  nothing: 'begin exclusive',
  // A server that starts meanwhile cannot go back to the write-ahead log as long as somebody reads.
  read: 'begin; select count(*) from sqlite_schema',
} as const

/**
 * Keeps every other process from writing to a database, or from anything, until it is released. It leaves the write-ahead log,
 * to which the next server returns.
 * @throws MeshError CONFLICT where a process has it open; Error with one sentence where that cannot be told
 */
export function holdAlone(file: string, { others }: { others: keyof typeof locks }): () => void {
  let database: Database.Database | undefined
  try {
    database = new Database(file, { fileMustExist: true, timeout: 0 })
    // Leaving the write-ahead log works only for who is alone; it takes its two files along.
    database.pragma('journal_mode = DELETE')
    database.exec(locks[others])
  } catch (error) {
    database?.close()
    if (!(error instanceof Database.SqliteError)) throw error
    const { code } = error
    if (code.startsWith('SQLITE_BUSY')) {
      throw new MeshError('CONFLICT', `A process has the database ${file} open`, { reason: 'running' })
    }
    // What is broken cannot be held: nobody can use it, and it is why there is a backup.
    if (!/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
      throw new Error(`Whether a process has the database ${file} open cannot be told (${code})`, { cause: error })
    }
  }
  return () => void database?.close()
}
