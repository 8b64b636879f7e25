import { mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Storage } from '@mesh/core'
import { MeshError } from '@mesh/core/errors'
import { probe } from '../reads.ts'
import { createSqlStorage, type SqlConnections } from '../sql-storage.ts'
import { openReader } from './reader.ts'
import { createWriter, type WriteStats } from './writer.ts'

/** How a SQLite storage behaves; every setting has a default. */
export interface SqliteOptions {
  /** How long a write waits for another process's lock before it is UNAVAILABLE, in milliseconds; 5,000. */
  busyTimeoutMs?: number
  /** The largest size the database may grow to, in bytes; beyond it writes are UNAVAILABLE. No limit by default. */
  maxBytes?: number
  /** The most writes that share one commit; 64. */
  groupRequests?: number
  /** How long a commit goes on taking in writes that wait, in milliseconds; 5. */
  groupMs?: number
  /** The most writes that may wait for an answer; one more is UNAVAILABLE at once. 10,000. */
  maxPending?: number
}

/** A storage on a SQLite file. */
export interface SqliteStorage extends Storage {
  /** How much was written since it was opened, and in how many commits. */
  stats(): WriteStats
}

/**
 * Opens a SQLite database file, makes it where there is none (its folder for the owner alone, 0700, the file 0600), and
 * brings its schema up to date.
 *
 * Reads run on the calling thread. Writes run in a worker thread, so that neither an fsync nor another process's lock stops
 * the event loop; each resolves only after its commit is on the disk. Call `close()` when done: it empties the write-ahead
 * log into the file.
 *
 * @param file Path of the database file. There is no `:memory:`; use `createMemoryStorage()`.
 * @throws Error with one sentence where the file is no database, corrupt, or written by a newer version; MeshError
 *   UNAVAILABLE where another process holds its lock or the disk does not serve
 */
export async function sqlite(file: string, options: SqliteOptions = {}): Promise<SqliteStorage> {
  requireNode()
  if (file === '' || file === ':memory:') throw new Error('SQLite needs the path of a database file')
  const path = resolve(file)
  await prepareFile(path)
  const { busyTimeoutMs = 5_000, maxBytes, groupRequests = 64, groupMs = 5, maxPending = 10_000 } = options
  const writer = createWriter({ file: path, busyTimeoutMs, maxBytes, groupRequests, groupMs }, maxPending)
  await writer.start()
  const reader = openReader(path)
  let closed: Promise<void> | undefined

  const assertOpen = () => {
    if (closed) throw closedError()
  }

  const close = async () => {
    await writer.idle()
    // The last connection to close empties the log and removes it, which a reading one cannot.
    reader.close()
    await writer.close()
  }

  const read: SqlConnections['read'] = async (run) => {
    assertOpen()
    return reader.read(run)
  }

  const storage = createSqlStorage({
    read,
    readAccess: read,
    write(name, ...args) {
      return closed ? Promise.reject(closedError()) : writer.write(name, ...args)
    },
    async ready() {
      assertOpen()
      await reader.read(probe)
      await writer.start()
      await writer.recover()
    },
    close() {
      closed ??= close()
      return closed
    },
  })
  return { ...storage, stats: writer.stats }
}

const closedError = () => new MeshError('UNAVAILABLE', 'The storage is closed')

/** On older versions the driver does not throw: it takes the whole process down. */
function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 12)) {
    throw new Error(`SQLite storage needs Node 22.12 or newer; this is ${process.versions.node}`)
  }
}

async function prepareFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const handle = await open(path, 'a', 0o600)
    await handle.close()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`Cannot open the database file ${path}: ${reason}`, { cause: error })
  }
}
