import { sql } from 'kysely'
import type { Db } from '../tables.ts'

/** How much is tried, in bytes: what a commit of many writes needs. */
const roomBytes = 1 << 20

/** What takes up the room; a process that ended in between leaves it. */
export const spaceTable = 'mesh_space'

/** Writes as much as the largest commit may be: a disk that is nearly full takes small writes and refuses others. */
export async function takeSpace(db: Db): Promise<void> {
  await giveSpace(db)
  await sql`create table ${sql.table(spaceTable)} (filler text not null)`.execute(db)
  await sql`insert into ${sql.table(spaceTable)} values (${'0'.repeat(roomBytes)})`.execute(db)
}

/** Leaves it to what comes next. */
export async function giveSpace(db: Db): Promise<void> {
  await sql`drop table if exists ${sql.table(spaceTable)}`.execute(db)
}
