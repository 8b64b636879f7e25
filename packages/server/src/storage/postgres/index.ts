import type { Storage } from '@mesh/core'
import { MeshError } from '@mesh/core/errors'
import { operations, type OperationArgs, type OperationName, type OperationResult } from '../operations/index.ts'
import { createSqlStorage } from '../sql-storage.ts'
import type { Db } from '../tables.ts'
import { createConnections } from './connections.ts'
import { PostgresFailure, toError } from './failure.ts'
import { createLanes } from './lanes.ts'
import { prepareSchema } from './migrate.ts'
import { createPool, type PostgresPool } from './pool.ts'
import { assertServing } from './serving.ts'

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
 * Writes to one room go one after the other, others side by side. One that cannot start within the time of a statement is
 * UNAVAILABLE, and so is everything while the database is away. Only a write that PostgreSQL undid for the sake of another one is tried
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
  const { use, transact } = createConnections(pool)
  try {
    await prepareSchema({ use, transact }, options.migrate ?? 'auto')
  } catch (error) {
    await end()
    throw error
  }

  // Some connections are left for reads: writes that wait for locks do not keep anybody from logging in.
  const max = pool.options?.max ?? settingsOf(options).max
  const lanes = createLanes({
    width: Math.max(1, Math.floor(max * 0.7)),
    maxPending: options.maxPending ?? 10_000,
    waitMs: settingsOf(options).statementTimeoutMs,
  })
  let closed: Promise<void> | undefined

  async function read<T>(run: (db: Db) => Promise<T>): Promise<T> {
    if (closed) throw closedError()
    try {
      return await use(run)
    } catch (error) {
      throw toError(error)
    }
  }

  async function write<Name extends OperationName>(name: Name, ...args: OperationArgs<Name>) {
    if (closed) throw closedError()
    // What the caller does with them while they wait changes nothing, and what is no JSON fails before anything is written.
    const text = JSON.stringify(args)
    const operation = operations[name] as (db: Db, ...args: unknown[]) => Promise<OperationResult<Name>>
    return lanes.run(laneOf(name, args), () =>
      persist(() => transact((db) => operation(db, ...(JSON.parse(text) as unknown[])))),
    )
  }

  return createSqlStorage({
    read,
    write,
    ready: () => read(assertServing),
    close() {
      closed ??= lanes.idle().then(end)
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

/**
 * What must not pass each other on different connections: the writes to one room or terminal, whose results arrive in the
 * order of their `seq`, and the audit log, which would only queue for its last row.
 */
function laneOf(name: OperationName, [first]: readonly unknown[]): string | undefined {
  if (name === 'appendAudit') return name
  if (typeof first === 'string') return first
  if (typeof first !== 'object' || first === null) return undefined
  const { room_id, terminal_id } = first as { room_id?: string; terminal_id?: string }
  return room_id ?? terminal_id
}

/** How often a write is tried again. */
const retries = 3

/** Tries again what PostgreSQL undid because of another transaction. @throws MeshError UNAVAILABLE */
async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof PostgresFailure && error.kind === 'retry') || tries === retries) throw toError(error)
      // Those that met here must not meet again.
      await new Promise((resume) => setTimeout(resume, Math.random() * 20 * 2 ** tries))
    }
  }
}
