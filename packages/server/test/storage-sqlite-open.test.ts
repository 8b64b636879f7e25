import { once } from 'node:events'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { sqlite } from '@mesh/server/sqlite'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { addRoom, append, freshFile, openStorage } from './storage-files.ts'
import { letGo, spawnChild } from './storage-spawn.ts'

test('the folder and the files are for their owner alone', async () => {
  const file = await freshFile()
  const storage = await openStorage(file)
  await addRoom(storage, 'room_1')
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
  expect(await modeOf(dirname(file))).toBe('700')
  for (const path of [file, `${file}-wal`, `${file}-shm`]) expect(await modeOf(path), path).toBe('600')
})

test('close empties the write-ahead log into the file', async () => {
  const file = await freshFile()
  const storage = await sqlite(file)
  await addRoom(storage, 'room_1')
  await storage.close()
  await expect(stat(`${file}-wal`)).rejects.toThrow('ENOENT')
  expect((await (await openStorage(file)).rooms.find('room_1'))?.seq).toBe(1)
})

test.each(['', ':memory:'])('the path %j is refused', async (file) => {
  await expect(sqlite(file)).rejects.toThrow('needs the path of a database file')
})

test('a schema from a newer version is refused, and the file stays as it is', async () => {
  const file = await freshFile()
  await (await sqlite(file)).close()
  const database = new Database(file)
  database.prepare('insert into mesh_migration (name, timestamp) values (?, ?)').run('9999-later', 'then')
  database.close()
  const before = await readFile(file)
  await expect(sqlite(file)).rejects.toThrow(/written by a newer version of Mesh \(its schema has 9999-later\)/)
  expect(before.equals(await readFile(file))).toBe(true)
})

test('a file that is no database is refused, and stays as it is', async () => {
  const file = await freshFile()
  await mkdir(dirname(file))
  await writeFile(file, 'Dear diary, '.repeat(500))
  await expect(sqlite(file)).rejects.toThrow(`The file ${file} is not a SQLite database`)
  expect(await readFile(file, 'utf8')).toBe('Dear diary, '.repeat(500))
})

test('a corrupt database is refused', async () => {
  const file = await freshFile()
  const storage = await sqlite(file)
  await addRoom(storage, 'room_1')
  for (let n = 0; n < 20; n += 1) await append(storage, 'room_1', `e${n}`, 'x'.repeat(2_000))
  await storage.close()
  const bytes = await readFile(file)
  // The first page holds the header and the schema; what is broken here would be found by no mere opening.
  bytes.fill(0xff, 4_096 * 2)
  await writeFile(file, bytes)
  await expect(sqlite(file)).rejects.toThrow(/is corrupt \(.+\); restore it from a backup/)
})

test('processes that start at once on a new file all come up, and the schema is made once', async () => {
  const file = await freshFile()
  const children = [1, 2, 3].map(() => spawnChild('open', file))
  // Made beforehand, so that what is raced for is the schema and not the folder.
  await mkdir(dirname(file))
  const exits = children.map((child) => once(child, 'exit'))
  await Promise.all(children.map(letGo))
  expect((await Promise.all(exits)).map(([code]) => code as unknown)).toEqual([0, 0, 0])
  const database = new Database(file, { readonly: true })
  expect(database.prepare('select name from mesh_migration').pluck().all()).toEqual(['0001-initial'])
  database.close()
})
