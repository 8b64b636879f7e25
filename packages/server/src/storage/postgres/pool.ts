import type Driver from 'pg'

/** One statement with its parameters; `types` says how what comes back as text is read. */
export interface PostgresQuery {
  text: string
  values: readonly unknown[]
  types: { getTypeParser(oid: number): (text: string) => unknown }
}

/** One connection of a pool, as `pg` has it. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<{ rows: unknown[]; command: string; rowCount: number | null }>
  /** Gives the connection back; with `true` it is closed instead. */
  release(destroy?: boolean): void
  on?(event: 'error', listener: (error: Error) => void): unknown
}

/** What Mesh needs of a pool of connections. A `Pool` of the package `pg` is one. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  end(): Promise<void>
  on?(event: 'error', listener: (error: Error) => void): unknown
  readonly options?: { readonly max?: number }
}

/** How a pool of Mesh's own behaves; times in milliseconds. */
export interface PoolSettings {
  max: number
  connectTimeoutMs: number
  statementTimeoutMs: number
  lockTimeoutMs: number
  idleTransactionTimeoutMs: number
}

/**
 * A pool of connections of our own.
 * @throws Error with one sentence where `pg` is not installed; whether the URL is one shows when it is first used
 */
export async function createPool(url: string, settings: PoolSettings): Promise<PostgresPool> {
  const { Pool } = await loadDriver()
  return new Pool({
    connectionString: url,
    application_name: 'mesh',
    max: settings.max,
    // For a free connection as much as for a new one.
    connectionTimeoutMillis: settings.connectTimeoutMs,
    statement_timeout: settings.statementTimeoutMs,
    lock_timeout: settings.lockTimeoutMs,
    idle_in_transaction_session_timeout: settings.idleTransactionTimeoutMs,
    // The server's own limit says nothing once the server is out of reach.
    query_timeout: settings.statementTimeoutMs + settings.connectTimeoutMs,
    keepAlive: true,
    // Idle connections do not keep a process alive whose owner forgot to close the storage.
    allowExitOnIdle: true,
  })
}

async function loadDriver(): Promise<typeof Driver> {
  try {
    return (await import('pg')).default
  } catch (error) {
    throw new Error('PostgreSQL needs the package pg beside @mesh/server: npm install pg', { cause: error })
  }
}
