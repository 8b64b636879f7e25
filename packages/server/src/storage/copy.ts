import type { Database } from 'better-sqlite3'
import { sql, type Kysely } from 'kysely'
import { migrationTables, newerSchema } from './migrations/index.ts'
import { spaceTable } from './operations/space.ts'
import { withPostgres } from './postgres/connect.ts'
import { toSentence } from './postgres/failure.ts'
import { prepareSchema } from './postgres/migrate.ts'
import { holdAlone } from './sqlite/hold.ts'
import { readSqlite } from './sqlite/read.ts'
import type { Db } from './tables.ts'

/** How many rows of a table were copied. */
export interface CopiedTable {
  table: string
  rows: number
}

/** Rows of any table: the copy knows none of them by name. */
type AnyTables = Record<string, Record<string, unknown>>

/** How many rows go over in one statement; PostgreSQL takes 65,535 parameters. */
const batchRows = 500

/** Each room with its `seq`, and what its log says of it. */
const roomsAndLogs = `
  select r.room_id, r.seq, count(e.seq) as events, coalesce(max(e.seq), 0) as last
  from mesh_room r left join mesh_event e on e.room_id = r.room_id
  group by r.room_id, r.seq order by r.room_id`

/**
 * Copies a SQLite database into an empty PostgreSQL one, whose schema is made: all of it, compared row count by row count and
 * log by log, or nothing. What is in the SQLite file stays as it is, and nobody writes to it meanwhile.
 * @throws MeshError CONFLICT where a process has the file open; Error with one sentence where one of them is not fit for it
 */
export async function copyToPostgres(file: string, url: string): Promise<CopiedTable[]> {
  // What a server acknowledged after the file was read would be missing in PostgreSQL.
  const release = holdAlone(file, { others: 'read' })
  try {
    return await withPostgres(url, async (connections) => {
      await prepareSchema(connections, 'auto')
      return connections.transact((db) => copyFile(file, db))
    })
  } catch (error) {
    throw toSentence(error)
  } finally {
    release()
  }
}

function copyFile(file: string, db: Db): Promise<CopiedTable[]> {
  return readSqlite(file, async (source, { newer, missing }) => {
    if (newer !== undefined) throw newerSchema(`The database ${file}`, newer)
    if (missing.length > 0) {
      throw new Error(
        `The database ${file} is of an older version (${missing.join(', ')} missing): run mesh-cli db migrate on it`,
      )
    }
    return copy(source, db)
  })
}

async function copy(source: Database, db: Db): Promise<CopiedTable[]> {
  // Seen as tables of any kind from here on.
  const target = db as unknown as Kysely<AnyTables>
  const tables = tablesOf(source)
  // A server that starts meanwhile waits.
  for (const table of tables) await sql`lock table ${sql.table(table)} in exclusive mode`.execute(db)
  for (const table of ['mesh_user', 'mesh_room', 'mesh_audit']) {
    const row = await target.selectFrom(table).selectAll().limit(1).executeTakeFirst()
    if (row) throw new Error(`The PostgreSQL database is not empty: there are rows in ${table}`)
  }
  // Rows that the schema begins with come over like all others.
  for (const table of tables.toReversed()) await target.deleteFrom(table).execute()

  const copied: CopiedTable[] = []
  for (const table of tables) copied.push({ table, rows: await copyTable(source, target, table) })
  await compare(source, db, copied)
  return copied
}

/** In the order in which they were made, so that what is referred to comes first; without those that a database has for itself. */
function tablesOf(source: Database): string[] {
  const names = source
    .prepare("select name from sqlite_schema where type = 'table' and name like 'mesh!_%' escape '!' order by rowid")
    .pluck()
    .all() as string[]
  const own = new Set<string>([...Object.values(migrationTables), spaceTable])
  return names.filter((name) => !own.has(name))
}

async function copyTable(source: Database, target: Kysely<AnyTables>, table: string): Promise<number> {
  let rows = 0
  const flush = async (batch: Record<string, unknown>[]) => {
    if (batch.length > 0) await target.insertInto(table).values(batch).execute()
    rows += batch.length
  }
  let batch: Record<string, unknown>[] = []
  for (const row of source.prepare(`select * from ${table}`).iterate()) {
    batch.push(row as Record<string, unknown>)
    if (batch.length < batchRows) continue
    await flush(batch)
    batch = []
  }
  await flush(batch)
  return rows
}

/** Whether what arrived is what there was, asked of both databases. */
async function compare(source: Database, db: Db, copied: readonly CopiedTable[]): Promise<void> {
  for (const { table, rows } of copied) {
    const found = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table)}`.execute(db)
    if (found.rows[0]?.rows !== rows) throw new Error(`The copy of ${table} is not whole; nothing was copied`)
  }
  const before = source.prepare(roomsAndLogs).all()
  const { rows: after } = await sql.raw(roomsAndLogs).execute(db)
  if (JSON.stringify(before) !== JSON.stringify(after)) {
    throw new Error('The copies of the rooms and their logs do not agree; nothing was copied')
  }
}
