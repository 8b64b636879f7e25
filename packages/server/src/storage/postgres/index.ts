import type { Storage } from '@mesh/core'
import { MeshError } from '@mesh/core/errors'
import { createSqlStorage } from '../sql-storage.ts'
import type { Db } from '../tables.ts'
import { createConnections } from './connections.ts'
import { toError } from './failure.ts'
import { prepareSchema } from './migrate.ts'
import { createPool, type PostgresPool } from './pool.ts'
import { assertServing } from './serving.ts'
import { createWriter } from './writer.ts'

export type { PostgresClient, PostgresPool, PostgresQuery } from './pool.ts'

/** How a PostgreSQL storage behaves; every setting has a default. Times in milliseconds. */
export interface PostgresOptions {
  /**
   * `auto` brings the schema up to date, one process at a time. `check` refuses a schema that is not, for whoever runs
   * migrations on their own (`mesh-cli db migrate`). `auto`.
   */
  migrate?: 'auto' | 'check'
  /** The most connections; a few of them are kept for reads. 10. Not for a pool that is given. */
  maxConnections?: number
  /** How long a connection, new or free, is waited for; 2,000. Not for a pool that is given. */
  connectTimeoutMs?: number
  /** How long a statement may take; 5,000. Not for a pool that is given. */
  statementTimeoutMs?: number
  /** How long a write waits for another one on the same row, such as its room's; 2,000. Not for a pool that is given. */
  lockTimeoutMs?: number
  /** How long the server lets a transaction wait for its next statement; 10,000. Not for a pool that is given. */
  idleTransactionTimeoutMs?: number
  /** The most writes that may wait for an answer; one more is UNAVAILABLE at once. 10,000. */
  maxPending?: number
}

/**
 * A storage in a PostgreSQL database, which several nodes may share. Its tables begin with `mesh_` and are made in the
 * first schema of the search path.
 *
 * Writes to one room go one after the other and share transactions, others side by side. One that waits for its turn longer
 * than a statement may take is UNAVAILABLE, and so is everything while the database is away. Only a write that PostgreSQL undid for the sake of another one is tried
 * again, up to three times. Call `close()` when done.
 *
 * @param database A URL (`postgres://user:password@host/database`), for which the package `pg` must be installed; or a
 *   pool, which stays its owner's to end and to give timeouts.
 * @throws Error with one sentence where the database is out of reach, was written by a newer version, or with `check` is not up to date
 */
export async function postgres(database: string | PostgresPool, options: PostgresOptions = {}): Promise<Storage> {
  const pool = typeof database === 'string' ? await createPool(database, settingsOf(options)) : database
  const end = async () => {
    if (pool !== database) await pool.end()
  }
  const connections = createConnections(pool)
  try {
    await prepareSchema(connections, options.migrate ?? 'auto')
  } catch (error) {
    await end()
    throw error
  }

  const { max, statementTimeoutMs } = settingsOf(options)
  const writer = createWriter(connections, {
    // Some are left for reads: writes that wait for locks do not keep anybody from logging in.
    width: Math.max(1, Math.floor((pool.options?.max ?? max) * 0.7)),
    maxPending: options.maxPending ?? 10_000,
    waitMs: statementTimeoutMs,
  })
  let closed: Promise<void> | undefined

  async function read<T>(run: (db: Db) => Promise<T>): Promise<T> {
    if (closed) throw closedError()
    try {
      return await connections.use(run)
    } catch (error) {
      throw toError(error)
    }
  }

  return createSqlStorage({
    read,
    write(name, ...args) {
      return closed ? Promise.reject(closedError()) : writer.write(name, ...args)
    },
    ready: () => read(assertServing),
    close() {
      closed ??= writer.idle().then(end)
      return closed
    },
  })
}

const closedError = () => new MeshError('UNAVAILABLE', 'The storage is closed')

const settingsOf = (options: PostgresOptions) => ({
  max: options.maxConnections ?? 10,
  connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
  statementTimeoutMs: options.statementTimeoutMs ?? 5_000,
  lockTimeoutMs: options.lockTimeoutMs ?? 2_000,
  idleTransactionTimeoutMs: options.idleTransactionTimeoutMs ?? 10_000,
})
