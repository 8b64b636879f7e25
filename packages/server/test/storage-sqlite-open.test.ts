import { once } from 'node:events'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { sqlite } from '@mesh/server/sqlite'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { addRoom, append, freshFile, openStorage } from './storage-files.ts'
import { spawnChild } from './storage-spawn.ts'

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
  // A connection that has read would keep the log, were it not closed before the one that writes.
  await storage.rooms.find('room_1')
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
  // Opening it for writing would put it back into WAL mode.
  database.pragma('journal_mode = DELETE')
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
  // The log's last page: nothing that opening the database reads, so that only a check finds it.
  bytes.fill(0xff, bytes.length - 4_096)
  await writeFile(file, bytes)
  await expect(sqlite(file)).rejects.toThrow(/is corrupt \(.+\); restore it from a backup/)
})

test('processes that start at once on a new file all come up, and the schema is made once', async () => {
  const file = await freshFile()
  await mkdir(dirname(file))
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  const children = [1, 2, 3].map(() => spawnChild('open', file))
  const exits = children.map((child) => once(child, 'exit'))
  const ready = children.map((child) => once(child, 'message'))
  await Promise.all(ready)
  // While they are kept out, all of them come to the point at which the schema is still missing.
  database.exec('begin immediate')
  for (const child of children) child.send('go')
  await new Promise((resume) => setTimeout(resume, 1_500))
  database.exec('rollback')
  expect((await Promise.all(exits)).map(([code]) => code as unknown)).toEqual([0, 0, 0])
  const taken = database.prepare('select name from mesh_migration').pluck().all()
  expect(taken).toEqual([...new Set(taken)].toSorted())
  expect(taken).toContain('0001-initial')
  database.close()
})
