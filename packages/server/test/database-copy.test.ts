import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabaseAdmin, readConfig, sqlite } from '@mesh/server'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { addRoom } from './storage-files.ts'

interface Column {
  name: string
  type: string
  pk: number
}

/** Puts a row into every table that has none, with a value in every column that is good in every respect but its meaning. */
function fillEveryTable(database: Database.Database): string[] {
  const tables = database
    .prepare("select name from sqlite_schema where type = 'table' and name like 'mesh!_%' escape '!' order by rowid")
    .pluck()
    .all() as string[]
  for (const table of tables) {
    if (database.prepare(`select 1 from ${table}`).get()) continue
    const columns = database.pragma(`table_info(${table})`) as Column[]
    const keys = database.pragma(`foreign_key_list(${table})`) as { from: string; to: string; table: string }[]
    const values = columns.map(({ name, type }) => {
      const key = keys.find(({ from }) => from === name)
      if (key) return database.prepare(`select ${key.to} from ${key.table}`).pluck().get()
      return type === 'text' ? `${name} Grüße 🚀 '"\\\n` : type === 'bigint' ? 2 ** 53 - 1 : 1
    })
    database.prepare(`insert into ${table} values (${columns.map(() => '?').join()})`).run(...values)
  }
  return tables.filter((table) => !table.startsWith('mesh_migration'))
}

/** All rows of a table as text, whatever a driver makes of numbers. */
const asTexts = (rows: readonly object[]) =>
  rows
    .map((row) =>
      JSON.stringify(Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)])),
    )
    .sort()

describe.runIf(hasPostgres)('a copy of a SQLite database', { timeout: 60_000 }, async () => {
  const database = await createDatabase()

  test('has every column of every table as it was', async () => {
    const url = await database.schema()
    const cwd = await mkdtemp(join(tmpdir(), 'mesh-copy-'))
    onTestFinished(() => rm(cwd, { recursive: true, force: true }))
    const file = join(cwd, 'mesh.db')
    const storage = await sqlite(file)
    await addRoom(storage, 'room_1')
    await storage.close()
    const filled = new Database(file)
    const tables = fillEveryTable(filled)
    expect(tables.length).toBeGreaterThan(15)
    // What a server leaves that is killed while it looks whether there is room on the disk.
    filled.exec('create table mesh_space (filler text not null)')
    filled.close()

    const admin = createDatabaseAdmin({ config: readConfig({ env: { MESH_DATABASE_URL: url }, cwd }), cwd })
    const copied = await admin.copy('mesh.db')
    expect(copied).toEqual(tables.map((table) => ({ table, rows: 1 })))
    const source = new Database(file, { readonly: true })
    onTestFinished(() => void source.close())
    const schema = /search_path%3D(\w+)/.exec(url)?.[1] ?? ''
    for (const table of tables) {
      const rows = await database.query(`select * from ${schema}.${table}`)
      expect(asTexts(rows), table).toEqual(asTexts(source.prepare(`select * from ${table}`).all() as object[]))
    }
  })
})
