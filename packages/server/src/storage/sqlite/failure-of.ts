import Database from 'better-sqlite3'
import type { Failure } from './messages.ts'

/** Locks, space, devices, memory, a file that went bad: not the fault of the request, and over when the cause is. */
const unavailable =
  /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM|PROTOCOL|PERM|AUTH|CORRUPT|NOTADB|INTERRUPT|NOLFS)(_|$)/

/** What a caught value means for the request that met it. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: 'error', message: String(error) }
  if (!(error instanceof Database.SqliteError)) return { kind: 'error', message: error.message }
  const { code, message } = error
  return { kind: unavailable.test(code) ? 'unavailable' : 'error', message, code }
}
