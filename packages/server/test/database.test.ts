import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createDatabaseAdmin, createMesh, readConfig, sqlite } from '@mesh/server'
import { postgres } from '@mesh/server/postgres'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { addRoom, append } from './storage-files.ts'

/** The administration of a database in an empty directory. */
async function createAdmin(env: Record<string, string> = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'mesh-database-'))
  onTestFinished(() => rm(cwd, { recursive: true, force: true }))
  const file = join(cwd, 'mesh-data', 'mesh.db')
  return { cwd, file, admin: createDatabaseAdmin({ config: readConfig({ env, cwd }), cwd }) }
}

/** Fills a database with what somebody would miss. */
async function fill(file: string, messages: number): Promise<void> {
  const storage = await sqlite(file)
  for (const room_id of ['room_1', 'room_2']) await addRoom(storage, room_id)
  await Promise.all(Array.from({ length: messages }, (_, n) => append(storage, 'room_1', `e${n}`, `Grüße ${n} 🚀`)))
  await storage.close()
}

const schemaOf = (url: string) => /search_path%3D(\w+)/.exec(url)?.[1] ?? ''

const logOf = async (file: string) => {
  const storage = await sqlite(file)
  const events = await storage.events.list('room_1', { after: 0, limit: 10_000 })
  await storage.close()
  return events
}

describe('a SQLite database', { timeout: 60_000 }, () => {
  test('says whether its schema is up to date, and is brought there', async () => {
    const { admin, file } = await createAdmin()
    expect(await admin.status()).toMatchObject({ database: `sqlite:${file}`, schema: 'none', latest: null })
    expect(existsSync(file)).toBe(false)
    expect(await admin.migrate()).toMatchObject({ schema: 'up to date', missing: 0 })
    const database = new Database(file)
    database.prepare("insert into mesh_migration values ('9999-later', 'then')").run()
    database.close()
    expect(await admin.status()).toMatchObject({ schema: 'newer', latest: '9999-later' })
    await expect(admin.migrate()).rejects.toThrow('newer version of Mesh')
  })

  test('is backed up while it is written, for its owner alone, and put back', async () => {
    const { admin, file, cwd } = await createAdmin()
    await fill(file, 20)
    const live = await sqlite(file)
    await append(live, 'room_1', 'late')
    expect(await admin.backup('copy.db')).toEqual({ file: join(cwd, 'copy.db') })
    expect(statSync(join(cwd, 'copy.db')).mode & 0o777).toBe(0o600)
    await append(live, 'room_1', 'later')
    await expect(admin.backup('copy.db')).rejects.toMatchObject({ code: 'CONFLICT' })

    // Somebody has it open, a server or not.
    await expect(admin.restore('copy.db')).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(readdirSync(dirname(file))).toEqual(['mesh.db', 'mesh.db-shm', 'mesh.db-wal'])
    await live.close()
    const { kept } = await admin.restore('copy.db')
    expect((await logOf(file)).at(-1)?.id).toBe('late')
    expect((await logOf(kept ?? '')).at(-1)?.id).toBe('later')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(cwd)).toEqual(['copy.db', 'mesh-data'])
    expect(readdirSync(join(cwd, 'mesh-data')).filter((name) => name.includes('restoring'))).toEqual([])
  })

  test('is there all the time while a backup is put in its place: whoever is killed then has one or the other', async () => {
    const { admin, file } = await createAdmin()
    await fill(file, 3)
    await admin.backup('copy.db')
    let looks = 0
    let isOver = false
    const look = () => {
      if (isOver) return
      expect(existsSync(file)).toBe(true)
      looks++
      setImmediate(look)
    }
    look()
    await admin.restore('copy.db').finally(() => (isOver = true))
    expect(looks).toBeGreaterThan(5)
  })

  test('is not replaced by what is no backup', async () => {
    const { admin, file, cwd } = await createAdmin()
    await fill(file, 3)
    await writeFile(join(cwd, 'diary'), 'Dear diary, '.repeat(500))
    await expect(admin.restore('diary')).rejects.toThrow('cannot be read (SQLITE_NOTADB)')
    await expect(admin.restore('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await logOf(file)).toHaveLength(4)
  })
})

describe('a backup takes the place of what', { timeout: 60_000 }, () => {
  /** A database of two events, its backup, and a log of what came later. */
  async function setUp() {
    const { admin, file } = await createAdmin()
    await fill(file, 1)
    await admin.backup('copy.db')
    const live = await sqlite(file)
    await append(live, 'room_1', 'later')
    const log = await readFile(`${file}-wal`)
    await live.close()
    return { admin, file, log }
  }

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['is no database any more', () => Buffer.from('Dear diary, '.repeat(500))],
    ['is cut off', (bytes) => bytes.subarray(0, 8_192)],
    ['has a broken page', (bytes) => bytes.fill(0xff, 100, 4_096)],
    ['is empty', () => Buffer.alloc(0)],
  ])('%s', async (_what, spoil) => {
    const { admin, file, log } = await setUp()
    const broken = spoil(await readFile(file))
    await writeFile(file, broken)
    await writeFile(`${file}-wal`, log)
    const { kept } = await admin.restore('copy.db')
    expect(await logOf(file)).toHaveLength(2)
    expect(kept).not.toBeNull()
  })

  test('is gone but for its log', async () => {
    const { admin, file, log } = await setUp()
    await rm(file)
    await writeFile(`${file}-wal`, log)
    expect(await admin.restore('copy.db')).toEqual({ file, kept: null })
    expect(await logOf(file)).toHaveLength(2)
  })
})

describe.runIf(hasPostgres)('a PostgreSQL database', { timeout: 60_000 }, async () => {
  const database = await createDatabase()

  test('is migrated by one process at a time, and checked by whoever wants no more', async () => {
    const url = await database.schema()
    const { admin } = await createAdmin({ MESH_DATABASE_URL: url })
    expect(await admin.status()).toMatchObject({ schema: 'none' })
    await expect(postgres(url, { migrate: 'check' })).rejects.toThrow(
      /0001-initial.* missing\): run mesh-cli db migrate/,
    )
    const storages = await Promise.all([1, 2, 3, 4].map(() => postgres(url)))
    await Promise.all(storages.map((storage) => storage.ready()))
    await Promise.all(storages.map((storage) => storage.close()))
    expect(await admin.status()).toMatchObject({ schema: 'up to date', missing: 0 })
    await (await postgres(url, { migrate: 'check' })).close()
    await expect(admin.backup('copy.db')).rejects.toThrow('pg_dump')
  })

  test('of a newer version is refused, and stays as it is', async () => {
    const url = await database.schema()
    const schema = schemaOf(url)
    await (await postgres(url)).close()
    await database.query(`insert into ${schema}.mesh_migration values ('9999-later', 'then')`)
    const before = await database.query(`select * from ${schema}.mesh_migration order by name`)
    await expect(postgres(url)).rejects.toThrow('was written by a newer version of Mesh (its schema has 9999-later)')
    expect(await database.query(`select * from ${schema}.mesh_migration order by name`)).toEqual(before)
  })

  test('takes over a SQLite installation, all of it, and only where it is empty', async () => {
    const url = await database.schema()
    const { admin, file, cwd } = await createAdmin({ MESH_DATABASE_URL: url })
    await fill(file, 1_200)
    const mesh = await createMesh({ dataDir: join(cwd, 'mesh-data') })
    await mesh.accounts.create({ username: 'ann', password: 'correct horse battery staple' })
    await mesh.close()
    const before = await logOf(file)

    const copied = await admin.copy(undefined)
    expect(copied).toEqual(expect.arrayContaining([{ table: 'mesh_event', rows: before.length + 1 }]))
    const storage = await postgres(url)
    onTestFinished(() => storage.close())
    expect(await storage.events.list('room_1', { after: 0, limit: 10_000 })).toEqual(before)
    expect(await storage.users.findByName('ann')).toMatchObject({ username: 'ann' })
    expect(await append(storage, 'room_1', 'next')).toMatchObject({ event: { seq: before.length + 1 } })
    await expect(admin.copy(undefined)).rejects.toThrow('is not empty')
  })

  test('takes over nothing of what a server elsewhere still writes to', async () => {
    const url = await database.schema()
    const { admin } = await createAdmin({ MESH_DATABASE_URL: url })
    const elsewhere = await createAdmin()
    await fill(elsewhere.file, 1)
    const live = await sqlite(elsewhere.file)
    await append(live, 'room_1', 'late')
    await expect(admin.copy(elsewhere.file)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await append(live, 'room_1', 'later')).toMatchObject({ event: { seq: 4 } })
    await live.close()
    expect(await admin.copy(elsewhere.file)).toEqual(expect.arrayContaining([{ table: 'mesh_event', rows: 5 }]))
  })

  test('takes over nothing where not everything can be taken over', async () => {
    const url = await database.schema()
    const { admin, file } = await createAdmin({ MESH_DATABASE_URL: url })
    await fill(file, 20)
    const broken = new Database(file)
    broken.prepare("update mesh_room set name = 'a' || char(0) || 'b' where room_id = 'room_2'").run()
    broken.close()
    await expect(admin.copy(undefined)).rejects.toThrow('PostgreSQL cannot take a value')
    const storage = await postgres(url)
    onTestFinished(() => storage.close())
    expect(await storage.users.list({ limit: 10 })).toEqual([])
  })

  test('takes over nothing where not everything arrives', async () => {
    const url = await database.schema()
    const { admin, file } = await createAdmin({ MESH_DATABASE_URL: url })
    await fill(file, 20)
    await admin.migrate()
    const schema = schemaOf(url)
    await database.query(`
      create function ${schema}.lose() returns trigger language plpgsql as 'begin return null; end';
      create trigger lose before insert on ${schema}.mesh_event for each row when (new.seq = 7) execute function ${schema}.lose()`)
    await expect(admin.copy(undefined)).rejects.toThrow('The copy of mesh_event is not whole; nothing was copied')
    expect(await database.query(`select * from ${schema}.mesh_user`)).toEqual([])
  })
})
