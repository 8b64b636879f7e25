import { MeshError } from '@mesh/core/errors'
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

/** The clock of the database, as this process knows it. */
export interface DatabaseTime {
  /** Milliseconds since 1970. Between two looks it counts on by the monotonic clock: no wall clock here moves it. */
  now(): number
  /** Looks at the clock, and whether the database takes writes. @throws MeshError UNAVAILABLE where it does not */
  look(db: Db): Promise<void>
}

/** @see DatabaseTime; it is to be looked at before it is asked for. */
export function createDatabaseTime(): DatabaseTime {
  let ahead: number | undefined
  return {
    now: () => performance.now() + (ahead ?? NaN),
    async look(db) {
      const asked = performance.now()
      const { rows } = await sql<{ read_only: string; now: string }>`
        select current_setting('transaction_read_only') as read_only, extract(epoch from clock_timestamp()) * 1000 as now
      `.execute(db)
      const answered = performance.now()
      const [state] = rows
      const now = Number(state?.now)
      // It was so late at some moment in between: what is known already changes only where it cannot be right.
      const [least, most] = [now - answered, now - asked]
      ahead = ahead === undefined ? (least + most) / 2 : Math.min(Math.max(ahead, least), most)
      if (state?.read_only !== 'off') throw new MeshError('UNAVAILABLE', 'The database is read-only')
    },
  }
}
