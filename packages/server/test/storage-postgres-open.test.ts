import { randomBytes } from 'node:crypto'
import { createDatabaseAdmin, readConfig } from '@mesh/server'
import { postgres } from '@mesh/server/postgres'
import { describe, expect, test } from 'vitest'
import { atEnd } from './ends.ts'
import { createDatabase, hasPostgres, type TestDatabase } from './postgres-server.ts'

/** The URL of a database for somebody who owns nothing in it, and their name. */
async function asStranger({ url, query }: TestDatabase): Promise<{ url: string; role: string }> {
  const role = `mesh_test_${randomBytes(6).toString('hex')}`
  await query(`create role ${role} login password 'secret'`)
  atEnd(async () => {
    await query(`drop owned by ${role} cascade`)
    await query(`drop role ${role}`)
  })
  return { url: Object.assign(new URL(url), { username: role, password: 'secret' }).href, role }
}

/** What whoever opens a database is told, once it is known that nobody is told a password. */
async function refusalOf(url: string): Promise<string> {
  const opened = await postgres(url).catch((error: unknown) => error)
  expect(opened).toBeInstanceOf(Error)
  const { message } = opened as Error
  expect(message).not.toContain('secret')
  return message
}

describe.runIf(hasPostgres)('a PostgreSQL database is refused with the reason where', { timeout: 60_000 }, async () => {
  const database = await createDatabase()

  test('the role may not make tables', async () => {
    expect(await refusalOf((await asStranger(database)).url)).toBe(
      'The PostgreSQL database cannot be used: permission denied for schema public; ' +
        'the role needs a database of its own, or rights on this one: CREATE DATABASE mesh OWNER mesh',
    )
  })

  test('something is in the way of a step', async () => {
    const url = await database.schema()
    await database.query(`create table ${/search_path%3D(\w+)/.exec(url)?.[1]}.mesh_room (room_id text)`)
    expect(await refusalOf(url)).toBe('The PostgreSQL database cannot be used: relation "mesh_room" already exists')
  })

  test('no schema of the search path exists', async () => {
    const url = `${database.url}?options=-csearch_path%3Dnowhere`
    expect(await refusalOf(url)).toBe(
      'The PostgreSQL database has no schema of the search path (nowhere) that the role may use: make it with CREATE SCHEMA',
    )
  })

  test('it cannot keep every character', async () => {
    const latin = await createDatabase("encoding 'LATIN1' locale 'C'")
    expect(await refusalOf(latin.url)).toBe(
      "The encoding of the PostgreSQL database is LATIN1 and must be UTF8: CREATE DATABASE mesh ENCODING 'UTF8' TEMPLATE template0",
    )
  })

  test('a schema has come before the one with the tables', async () => {
    const { url, role } = await asStranger(database)
    await database.query(`create schema behind authorization ${role}`)
    const path = `${url}?options=-csearch_path%3D%22$user%22,behind`
    await (await postgres(path)).close()
    await database.query(`create schema authorization ${role}`)
    const said =
      `The tables of Mesh are in the schema behind, and ${role} is before it in the search path: ` +
      'name the right one in the URL (?options=-csearch_path%3Dbehind)'
    expect(await refusalOf(path)).toBe(said)
    const config = readConfig({ env: { MESH_DATABASE_URL: path }, cwd: '/nonexistent' })
    await expect(createDatabaseAdmin({ config, cwd: '/nonexistent' }).status()).rejects.toThrow(said)
    await (await postgres(`${url}?options=-csearch_path%3Dbehind`, { migrate: 'check' })).close()
    await (await postgres(`${url}?options=-csearch_path%3D${role}`)).close()
    expect(await database.query(`select 1 from behind.mesh_migration`)).not.toEqual([])
  })
})
