import Database from 'better-sqlite3'
import type { Db } from '../tables.ts'
import { failureOf } from './failure-of.ts'
import { createKysely } from './kysely.ts'
import { toError } from './to-error.ts'

/** The connection that reads, on the calling thread. */
export interface Reader {
  /** Runs a read. @throws MeshError UNAVAILABLE */
  read<T>(run: (db: Db) => Promise<T>): Promise<T>
  close(): void
}

/**
 * How long a read waits for a lock, in milliseconds. In WAL a reader meets one only while another process recovers the
 * log; the event loop stands still meanwhile.
 */
const readTimeoutMs = 50

/** Reads answer without a turn of the event loop; after this many milliseconds of them everything else has its turn. */
const readSliceMs = 5

/** Opens a connection that can only read. The database must exist and be in WAL mode, so that no writer stops it. */
export function openReader(file: string): Reader {
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: readTimeoutMs })
  database.pragma('query_only = ON')
  database.pragma('trusted_schema = OFF')
  const db = createKysely(database)
  const turn = createTurns(readSliceMs)
  return {
    async read(run) {
      try {
        // Otherwise whoever pages through a long log in a loop would keep sockets and the writer's answers waiting.
        while (turn.over()) await turn.next()
        return await run(db)
      } catch (error) {
        throw toError(database.open ? failureOf(error) : { kind: 'unavailable', message: 'The storage is closed' })
      }
    },
    close: () => void database.close(),
  }
}

/** Says when this turn of the event loop has lasted longer than `sliceMs`, counted from the first question in it. */
function createTurns(sliceMs: number) {
  let end: number | undefined
  return {
    over(): boolean {
      if (end === undefined) {
        end = performance.now() + sliceMs
        setImmediate(() => (end = undefined))
      }
      return performance.now() > end
    },
    next: () => new Promise<void>((resume) => void setImmediate(resume)),
  }
}
