import { createConnections, type Connections } from './connections.ts'
import { createPool, type PoolSettings } from './pool.ts'

/** For work on the whole database, which has nobody beside it and takes its time; times in milliseconds. */
const settings: PoolSettings = {
  max: 1,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 600_000,
  lockTimeoutMs: 10_000,
  idleTransactionTimeoutMs: 600_000,
}

/** Connects to a database for as long as `use` takes. @throws as {@link createPool} and `use` do */
export async function withPostgres<T>(url: string, use: (connections: Connections) => Promise<T>): Promise<T> {
  const pool = await createPool(url, settings)
  try {
    return await use(createConnections(pool))
  } finally {
    await pool.end()
  }
}
