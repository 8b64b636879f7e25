import type { Db } from '../tables.ts'
import { PostgresFailure } from './failure.ts'
import { createKysely, query } from './kysely.ts'
import type { PostgresClient, PostgresPool } from './pool.ts'

/** Runs work on connections of a pool. What fails on the way throws {@link PostgresFailure}. */
export interface Connections {
  /** Lends a connection; every statement is a transaction of its own. */
  use<T>(run: (db: Db) => Promise<T>): Promise<T>
  /** Runs in one transaction, which is durable when this resolves and undone when it rejects. */
  transact<T>(run: (db: Db) => Promise<T>): Promise<T>
}

/** @see Connections */
export function createConnections(pool: PostgresPool): Connections {
  const known = new WeakMap<PostgresClient, Db>()

  // A connection that breaks while nobody uses it is an event, and one that nobody hears ends the process. Whoever uses it
  // next is told by the driver.
  pool.on?.('error', () => {})

  function dbOf(client: PostgresClient): Db {
    const found = known.get(client)
    if (found) return found
    // The same holds between two statements of a transaction, when the pool does not listen.
    client.on?.('error', () => {})
    const db = createKysely(client)
    known.set(client, db)
    return db
  }

  async function use<T>(run: (db: Db, client: PostgresClient) => Promise<T>): Promise<T> {
    const client = await connect(pool)
    let broken = false
    try {
      return await run(dbOf(client), client)
    } catch (error) {
      broken = error instanceof PostgresFailure && error.broken
      throw error
    } finally {
      client.release(broken)
    }
  }

  return {
    use,
    transact: (run) =>
      use(async (db, client) => {
        await query(client, 'begin isolation level read committed')
        let value
        try {
          value = await run(db)
        } catch (error) {
          // Where this fails too, the connection goes and the transaction with it.
          if (!(error instanceof PostgresFailure && error.broken)) await query(client, 'rollback')
          throw error
        }
        // An operation that swallowed the error of a statement would have nothing committed, and be told so only here.
        const { command } = await query(client, 'commit')
        if (command === 'ROLLBACK') throw new Error('The transaction was not committed')
        return value
      }),
  }
}

async function connect(pool: PostgresPool): Promise<PostgresClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw new PostgresFailure(error)
  }
}
