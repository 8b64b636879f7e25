import type { Storage } from '@mesh/core'
import { isMeshError, MeshError } from '@mesh/core/errors'
import { createSqlStorage } from '../sql-storage.ts'
import type { OperationName } from '../operations/index.ts'
import type { Db } from '../tables.ts'
import { withPostgres } from './connect.ts'
import { createConnections, type Connections } from './connections.ts'
import { toError, toSentence } from './failure.ts'
import { prepareSchema } from './migrate.ts'
import { createPool, type PostgresPool } from './pool.ts'
import { shareOf } from './share.ts'
import { createDatabaseTime } from './serving.ts'
import { createWriter } from './writer.ts'

export type { PostgresClient, PostgresPool, PostgresQuery } from './pool.ts'

/** How a PostgreSQL storage behaves; every setting has a default. Times in milliseconds. */
export interface PostgresOptions {
  /**
   * `auto` brings the schema up to date, one process at a time. `check` refuses a schema that is not, for whoever runs
   * migrations on their own (`mesh-cli db migrate`). `auto`.
   */
  migrate?: 'auto' | 'check'
  /** The most connections; a fifth of them is kept for logins and revocations, and some of the rest for reads. 10. Not for a pool that is given. */
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
 * first schema of the search path that there is.
 *
 * Writes to one room go one after the other and share transactions, others side by side. One that waits for its turn longer
 * than a statement may take is UNAVAILABLE, and so is everything while the database is away. Only a write that PostgreSQL undid for the sake of another one is tried
 * again, up to three times. Call `close()` when done.
 *
 * @param database A URL (`postgres://user:password@host/database`), for which the package `pg` must be installed; or a
 *   pool, which stays its owner's to end and to give timeouts.
 * @throws Error with one sentence where the database is out of reach, is not UTF8, has no place or no right for the tables,
 *   was written by a newer version, or with `check` is not up to date
 */
export async function postgres(database: string | PostgresPool, options: PostgresOptions = {}): Promise<Storage> {
  const time = createDatabaseTime()
  const prepare = async (whole: Connections) => {
    await prepareSchema(whole, options.migrate ?? 'auto')
    // One that takes no writes is opened all the same, to be read.
    await whole.use((db) => time.look(db).catch(unlessReadOnly))
  }
  // Migrations, and waiting for those of another process, may take longer than a request.
  if (typeof database === 'string') await withPostgres(database, prepare)
  else await prepare(createConnections(database))

  const pool = typeof database === 'string' ? await createPool(database, settingsOf(options)) : database
  const connections = createConnections(pool)
  const end = async () => {
    if (pool !== database) await pool.end()
  }
  const { max, connectTimeoutMs, statementTimeoutMs } = settingsOf(options)
  const size = pool.options?.max ?? max
  // Whatever else is slow, somebody can log in, and be thrown out.
  const forAccess = Math.floor(size / 5)
  const rest = size - forAccess
  const others = shareOf(connections, rest, connectTimeoutMs)
  const settings = { maxPending: options.maxPending ?? 10_000, waitMs: statementTimeoutMs }
  // Some are left for reads.
  const writer = createWriter(others, { ...settings, width: Math.max(1, Math.floor(rest * 0.7)) })
  const accessWriter = createWriter(connections, { ...settings, width: Math.max(1, forAccess) })
  let closed: Promise<void> | undefined

  const readOn =
    ({ use }: Connections) =>
    async <T>(run: (db: Db) => Promise<T>): Promise<T> => {
      if (closed) throw closedError()
      try {
        return await use(run)
      } catch (error) {
        throw toError(error)
      }
    }
  const readAccess = readOn(connections)

  // What fails here fails for whoever wants something, too.
  const looking = setInterval(() => void readAccess(time.look).catch(() => {}), lookMs).unref()

  return createSqlStorage({
    read: readOn(others),
    readAccess,
    write(name, ...args) {
      if (closed) return Promise.reject(closedError())
      return (accessWrites.has(name) ? accessWriter : writer).write(name, ...args)
    },
    ready: () => readAccess(time.look),
    now: time.now,
    close() {
      clearInterval(looking)
      closed ??= Promise.all([writer.idle(), accessWriter.idle()]).then(end)
      return closed
    },
  })
}

/** The writes of what decides who somebody is, and of the audit log: what is noted there is waited for. */
const accessWrites: ReadonlySet<OperationName> = new Set([
  'createLogin',
  'rotateLogin',
  'confirmLogin',
  'revokeLogins',
  'addRevocation',
  'rehashUser',
  'updateUser',
  'removeDevices',
  'spendAssertion',
  'appendAudit',
])

/** How often it is looked at the database's clock, in milliseconds. */
const lookMs = 10_000

function unlessReadOnly(error: unknown): void {
  if (!isMeshError(error)) throw toSentence(error)
}

const closedError = () => new MeshError('UNAVAILABLE', 'The storage is closed')

const settingsOf = (options: PostgresOptions) => ({
  max: options.maxConnections ?? 10,
  connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
  statementTimeoutMs: options.statementTimeoutMs ?? 5_000,
  lockTimeoutMs: options.lockTimeoutMs ?? 2_000,
  idleTransactionTimeoutMs: options.idleTransactionTimeoutMs ?? 10_000,
})
