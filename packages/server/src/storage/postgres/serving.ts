import { MeshError } from '@mesh/core/errors'
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

/** How far this node's clock may be off the database's, in milliseconds: a third of a lease. */
const clockTolerance = 5_000

/**
 * Whether the database takes writes, and this node lives in the same time: nodes that share a database judge each other's
 * leases by their own clocks.
 * @throws MeshError UNAVAILABLE, which says what is wrong
 */
export async function assertServing(db: Db): Promise<void> {
  const asked = Date.now()
  const { rows } = await sql<{ read_only: string; now: string }>`
    select current_setting('transaction_read_only') as read_only, extract(epoch from clock_timestamp()) * 1000 as now
  `.execute(db)
  const answered = Date.now()
  const [state] = rows
  if (state?.read_only !== 'off') throw new MeshError('UNAVAILABLE', 'The database is read-only')
  const now = Number(state.now)
  const off = Math.max(asked - now, now - answered)
  if (off > clockTolerance) {
    const seconds = Math.round(off / 1000)
    throw new MeshError('UNAVAILABLE', `The clock of this node is ${seconds} s off the database's`)
  }
}
