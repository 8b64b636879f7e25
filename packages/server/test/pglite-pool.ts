import { PGlite } from '@electric-sql/pglite'
import type { PostgresPool } from '@mesh/server/postgres'
import { afterAll } from 'vitest'

/** PostgreSQL in this process. It has one connection, which every pool lends in turn. */
export async function createPglitePool(): Promise<{ schema(): Promise<PostgresPool> }> {
  const pglite = await PGlite.create()
  afterAll(() => pglite.close())
  let turn = Promise.resolve()
  let schemas = 0

  const pool: PostgresPool = {
    async connect() {
      const before = turn
      const { promise, resolve } = Promise.withResolvers<void>()
      turn = promise
      await before
      return {
        async query({ text, values, types }) {
          const parsers = Object.fromEntries([16, 20, 21, 23, 26].map((oid) => [oid, types.getTypeParser(oid)]))
          const { rows, affectedRows } = await pglite.query(text, [...values], { parsers })
          return { rows, rowCount: affectedRows ?? null, command: text.split(' ', 1)[0]?.toUpperCase() ?? '' }
        },
        release: () => resolve(),
      }
    },
    async end() {},
  }

  return {
    async schema() {
      const schema = `s${(schemas += 1)}`
      await pglite.exec(
        `drop schema if exists s${schemas - 1} cascade; create schema ${schema}; set search_path to ${schema}`,
      )
      return pool
    },
  }
}
