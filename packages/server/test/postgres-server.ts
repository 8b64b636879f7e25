import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { atEnd } from './ends.ts'

/** A server on which databases may be made and dropped. */
const server = process.env['MESH_TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

/** Whether there is a PostgreSQL server to test on. Where there has to be one, its absence is a failure. */
export const hasPostgres = await answers(server)
if (!hasPostgres) {
  const missing = 'No PostgreSQL server answers at 127.0.0.1:5432 (or MESH_TEST_POSTGRES_URL)'
  if (process.env['CI'] === 'true') throw new Error(missing)
  process.stderr.write(`\n${missing}: the tests that need one DO NOT RUN.\n\n`)
}

/** A database that is dropped after the tests of this file. */
export interface TestDatabase {
  readonly url: string
  /** The URL of an empty schema in it; the one before goes. Its commits do not wait for the disk. */
  schema(): Promise<string>
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

/**
 * Makes a database of its own for a test file. Its language is English, in which text does not sort by code point, as in
 * most databases in the world, unless `kind` says otherwise.
 */
export async function createDatabase(kind = "locale_provider icu icu_locale 'en-US'"): Promise<TestDatabase> {
  const name = `mesh_test_${randomBytes(6).toString('hex')}`
  await once(server, `create database ${name} template template0 ${kind}`)
  atEnd(() => once(server, `drop database ${name} with (force)`))
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  let schemas = 0
  return {
    url,
    async schema() {
      const schema = `s${(schemas += 1)}`
      await once(url, `drop schema if exists s${schemas - 1} cascade; create schema ${schema}`)
      return `${url}?options=-csearch_path%3D${schema}%20-csynchronous_commit%3Doff`
    },
    query: (text, values) => once(url, text, values),
  }
}

async function once(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows
  } finally {
    await client.end()
  }
}

function answers(url: string): Promise<boolean> {
  return once(url, 'select 1').then(
    () => true,
    () => false,
  )
}
