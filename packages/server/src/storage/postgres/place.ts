import { sql } from 'kysely'
import { migrationTables } from '../migrations/index.ts'
import type { Db } from '../tables.ts'

/** Where in a database the tables of Mesh are, or are to be made. */
export interface Place {
  readonly schema: string
  /** Whether they are there. */
  readonly isMade: boolean
}

interface Facts {
  encoding: string
  path: string
  /** The schema in which tables are made: the first of the search path that there is. */
  first: string | null
  /** The schema whose tables are used: the first of the search path that has any. */
  used: string | null
}

/** Looks for the place; changes nothing. @throws Error with one sentence where there is none, or not one alone */
export async function placeOf(db: Db): Promise<Place> {
  const { rows } = await sql<Facts>`
    select current_setting('server_encoding') as encoding, current_setting('search_path') as path, current_schema() as first,
      (select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = to_regclass(${migrationTables.migrationTableName})) as used`.execute(db)
  // A select without a table has one row.
  const { encoding, path, first, used } = rows[0] as Facts
  if (encoding !== 'UTF8') {
    throw new Error(
      `The encoding of the PostgreSQL database is ${encoding} and must be UTF8: CREATE DATABASE mesh ENCODING 'UTF8' TEMPLATE template0`,
    )
  }
  if (first === null) {
    throw new Error(
      `The PostgreSQL database has no schema of the search path (${path}) that the role may use: make it with CREATE SCHEMA`,
    )
  }
  // The next step would make a second, empty installation there, and everything be looked for in it.
  if (used !== null && used !== first) {
    throw new Error(
      `The tables of Mesh are in the schema ${used}, and ${first} is before it in the search path: name the right one in the URL (?options=-csearch_path%3D${encodeURIComponent(used)})`,
    )
  }
  return { schema: first, isMade: used !== null }
}
