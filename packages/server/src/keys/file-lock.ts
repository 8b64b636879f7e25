import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'

/** How long somebody else may hold the lock before we give up, in milliseconds. */
const patienceMs = 10_000

/**
 * Does something while nobody else does it under the same lock, in this process or another one. The lock is SQLite's on an
 * empty database: the system itself lets go of it when its holder dies, so that none is ever left behind.
 * @throws Error when it cannot be had in time
 */
export async function withFileLock<T>(path: string, use: () => Promise<T>): Promise<T> {
  closeSync(openSync(path, 'a', 0o600))
  const lock = new Database(path, { timeout: 0 })
  try {
    for (const until = performance.now() + patienceMs; !isTaken(lock); await sleep(5 + Math.random() * 10)) {
      if (performance.now() > until) throw new Error(`Another process does not let go of ${path}.`)
    }
    return await use()
  } finally {
    lock.close()
  }
}

function isTaken(lock: Database.Database): boolean {
  try {
    lock.exec('BEGIN IMMEDIATE')
    return true
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false
    throw error
  }
}
