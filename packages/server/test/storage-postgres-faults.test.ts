import { setTimeout as sleep } from 'node:timers/promises'
import { isMeshError } from '@mesh/core/errors'
import { postgres, type PostgresOptions, type PostgresPool } from '@mesh/server/postgres'
import pg from 'pg'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { addRoom, append } from './storage-files.ts'

const codeOf = (error: unknown) => (isMeshError(error) ? error.code : error)
/** The sessions of storages on this file's database. */
const ours = "application_name = 'mesh' and datname = current_database()"
const eventually = { timeout: 10_000, interval: 20 }

describe.runIf(hasPostgres)('postgres storage', { timeout: 60_000 }, async () => {
  const database = await createDatabase()

  /** A storage on a schema of its own with a room, and what looks at it from outside. */
  async function setUp(options?: PostgresOptions) {
    const url = await database.schema()
    const storage = await postgres(url, options)
    onTestFinished(() => storage.close())
    await addRoom(storage, 'room_1')
    return { url, storage, outside: await connect(url) }
  }

  /** A session of somebody else. */
  async function connect(url: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }

  /** Until a session of the storage waits for a lock. */
  const blocked = (outside: pg.Client) =>
    vi.waitUntil(async () => {
      const waiting = `select 1 from pg_stat_activity where ${ours} and wait_event_type = 'Lock'`
      return (await outside.query(waiting)).rowCount
    }, eventually)

  const terminate = (outside: pg.Client) =>
    outside.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${ours}`)

  test('connections that end while nobody uses them end nothing else', async () => {
    const { storage, outside } = await setUp()
    await Promise.all(Array.from({ length: 5 }, () => storage.rooms.find('room_1')))
    await terminate(outside)
    await vi.waitFor(() => storage.ready(), eventually)
    expect(await append(storage, 'room_1', 'next')).toMatchObject({ outcome: 'appended', event: { seq: 2 } })
  })

  test('a connection that ends in the middle of a write is UNAVAILABLE, and nothing is written', async () => {
    const { storage, outside } = await setUp()
    await outside.query("begin; select 1 from mesh_room where room_id = 'room_1' for update")
    const lost = append(storage, 'room_1', 'lost').catch(codeOf)
    await blocked(outside)
    await terminate(outside)
    expect(await lost).toBe('UNAVAILABLE')
    await outside.query('rollback')
    expect(await append(storage, 'room_1', 'next')).toMatchObject({ outcome: 'appended', event: { seq: 2 } })
  })

  test('a connection that ends between two statements of a write is no different', async () => {
    const { url, outside } = await setUp()
    const cut = Promise.withResolvers<void>()
    const storage = await postgres(
      watched(url, async (text) => {
        if (!text.includes('"mesh_member"')) return
        await terminate(outside)
        // Until this process has heard of it.
        await sleep(200)
        cut.resolve()
      }),
    )
    onTestFinished(() => storage.close())
    expect(await append(storage, 'room_1', 'lost').catch(codeOf)).toBe('UNAVAILABLE')
    await cut.promise
    expect((await storage.rooms.find('room_1'))?.seq).toBe(1)
  })

  test('writes that wait for the same room share transactions', async () => {
    const { url } = await setUp()
    let begun = 0
    const storage = await postgres(watched(url, (text) => void (begun += text.startsWith('begin') ? 1 : 0)))
    onTestFinished(() => storage.close())
    await Promise.all(Array.from({ length: 64 }, (_, n) => append(storage, 'room_1', `e${n}`)))
    expect(begun).toBeLessThanOrEqual(4)
  })

  test('a lock held too long is UNAVAILABLE; other rooms and reads do not notice', async () => {
    const { storage, outside } = await setUp({ lockTimeoutMs: 1_000, maxConnections: 3 })
    await addRoom(storage, 'room_2')
    await outside.query("begin; select 1 from mesh_room where room_id = 'room_1' for update")
    const waiting = append(storage, 'room_1', 'held').catch(codeOf)
    await blocked(outside)
    expect((await append(storage, 'room_2', 'free')).outcome).toBe('appended')
    expect((await storage.rooms.find('room_1'))?.seq).toBe(1)
    expect(await waiting).toBe('UNAVAILABLE')
    await outside.query('rollback')
    expect(await append(storage, 'room_1', 'next')).toMatchObject({ outcome: 'appended', event: { seq: 2 } })
  })

  test('writes that wait for locks leave connections for reads', async () => {
    const { storage, outside } = await setUp({ maxConnections: 3, connectTimeoutMs: 500 })
    for (const room_id of ['room_2', 'room_3', 'room_4']) await addRoom(storage, room_id)
    await outside.query('begin; select 1 from mesh_room for update')
    const waiting = ['room_1', 'room_2', 'room_3', 'room_4'].map((room_id) =>
      append(storage, room_id, 'e').catch(codeOf),
    )
    await blocked(outside)
    expect((await storage.rooms.find('room_1'))?.seq).toBe(1)
    await outside.query('rollback')
    expect(await Promise.all(waiting)).toMatchObject(Array.from(waiting, () => ({ outcome: 'appended' })))
  })

  test('a deadlock that PostgreSQL resolves is tried again, and nobody hears of it', async () => {
    const { storage, outside } = await setUp({ lockTimeoutMs: 10_000 })
    await outside.query("begin; select 1 from mesh_user where user_id = 'usr_a' for update")
    // It adds the room, and then the member, which waits for the user; the other one waits for the room.
    const added = addRoomOnly(storage, 'room_2')
    await blocked(outside)
    await outside.query(
      "insert into mesh_room select 'room_2', name, owner_user_id, created_at, policy, policy_seq, seq from mesh_room",
    )
    await outside.query('rollback')
    expect(await added).toMatchObject({ room_id: 'room_2', seq: 1 })
  })

  test('of two rooms that are told the same id at once, one keeps it', async () => {
    const { storage } = await setUp()
    await addRoom(storage, 'room_2')
    for (let n = 0; n < 20; n += 1) {
      const once = { sender: 'usr_a', id: `same${n}`, digest: 'd' }
      const event = { id: once.id, type: 'chat.message.created', from: 'usr_a', at: 3, payload: {} }
      const both = ['room_1', 'room_2'].map((room_id) =>
        storage.events.append(room_id, event, { user_id: 'usr_a', once }),
      )
      const outcomes = (await Promise.all(both)).map(({ outcome }) => outcome)
      expect(outcomes.toSorted()).toEqual(['appended', 'conflict'])
    }
  })

  test('of changes to one user at once none is lost', async () => {
    const { url, storage } = await setUp()
    const other = await postgres(url)
    onTestFinished(() => other.close())
    for (let n = 0; n < 20; n += 1) {
      await Promise.all([
        storage.users.update('usr_a', { disabled: n % 2 === 0 }),
        other.users.update('usr_a', { hashed_password: `hash ${n}` }),
      ])
      expect(await storage.users.find('usr_a')).toMatchObject({ disabled: n % 2 === 0, hashed_password: `hash ${n}` })
    }
  })

  test('what joins a delivery while it is finished is left, whole and alone', async () => {
    const { storage, outside } = await setUp()
    const { deliveries } = storage
    await deliveries.add({ channel: 'notify', topic: 'chat', kind: 'chat', due_at: 1 }, 1)
    const claimed = await deliveries.claim({ channel: 'notify', claim: 'c', now: 1, until: 9_000 })
    await outside.query('begin; update mesh_delivery set count = count + 1')
    const finished = deliveries.finish(claimed ?? expect.unreachable(), { count: 1, after: 5, due_at: 40, now: 30 })
    await blocked(outside)
    await outside.query('commit')
    await finished
    expect(await deliveries.list({ limit: 9 })).toMatchObject([
      { count: 1, after: 5, due_at: 40, created_at: 30, attempts: 0, claim: '' },
    ])
  })

  test('numbers beyond 32 bits are numbers', async () => {
    const { storage, outside } = await setUp()
    await outside.query("update mesh_room set seq = 5000000000 where room_id = 'room_1'")
    expect(await append(storage, 'room_1', 'e')).toMatchObject({ event: { seq: 5_000_000_001 } })
  })

  test('more writes than may wait are UNAVAILABLE at once; those that wait come through', async () => {
    const { storage } = await setUp({ maxPending: 10 })
    const results = await Promise.allSettled(Array.from({ length: 15 }, (_, n) => append(storage, 'room_1', `e${n}`)))
    expect(results.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 10 }, () => 'fulfilled'),
      ...Array.from({ length: 5 }, () => 'rejected'),
    ])
  })

  test('one write of many that is at fault fails alone', async () => {
    const { storage } = await setUp()
    const room = { room_id: 'room_1', name: 'again', owner_user_id: 'usr_a', created_at: 2 }
    const event = { id: 'e', type: 'room.created', from: 'server', at: 3, payload: {} }
    const [before, fault, after] = await Promise.allSettled([
      append(storage, 'room_1', 'before'),
      storage.rooms.create(room, event),
      append(storage, 'room_1', 'after'),
    ])
    expect([before?.status, fault?.status, after?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await storage.rooms.find('room_1'))?.seq).toBe(3)
  })

  test('its clock is the database’s, whatever this machine’s says', async () => {
    const { storage } = await setUp()
    const off = () => Math.abs((storage.now?.() ?? NaN) - performance.timeOrigin - performance.now())
    // Both clocks are those of one machine.
    expect(off()).toBeLessThan(100)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 600_000 })
    onTestFinished(() => void vi.useRealTimers())
    await storage.ready()
    expect(off()).toBeLessThan(100)
  })

  test('a node on a standby is not ready', async () => {
    const { url } = await setUp()
    const standby = await postgres(`${url}%20-cdefault_transaction_read_only%3Don`)
    onTestFinished(() => standby.close())
    await expect(standby.ready()).rejects.toThrow('The database is read-only')
    expect(await append(standby, 'room_1', 'e').catch(codeOf)).toBe('UNAVAILABLE')
  })

  test('a pool that is given is used, and stays open', async () => {
    const pool = new pg.Pool({ connectionString: await database.schema(), max: 3 })
    onTestFinished(() => pool.end())
    const storage = await postgres(pool)
    await addRoom(storage, 'room_1')
    await storage.close()
    expect((await pool.query('select count(*) as rooms from mesh_room')).rows).toEqual([{ rooms: '1' }])
  })

  test.each(['postgres://ana:correct-horse@127.0.0.1:1/mesh', 'postgres://ana:correct-horse@127.0.0.1:x/mesh'])(
    'what cannot be opened is said without the password: %s',
    async (url) => {
      const error = await postgres(url).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(Error)
      const texts = [error, (error as Error).cause].map((one) => JSON.stringify(one) + String((one as Error)?.stack))
      expect(texts.join()).not.toContain('horse')
    },
  )
})

/** A pool whose statements are heard of before they are sent. */
function watched(connectionString: string, hear: (text: string) => unknown): PostgresPool {
  const pool = new pg.Pool({ connectionString, application_name: 'mesh' })
  onTestFinished(() => pool.end())
  return {
    async connect() {
      const client = await pool.connect()
      return {
        async query(query) {
          await hear(query.text)
          // Typed for callers of the driver's own; what it takes and gives is the same.
          return client.query(query as pg.QueryConfig)
        },
        release: (destroy) => client.release(destroy),
        on: (event, listener) => client.on(event, listener),
      }
    },
    end: () => pool.end(),
    on: (event, listener) => pool.on(event, listener),
  }
}

function addRoomOnly(storage: Awaited<ReturnType<typeof postgres>>, room_id: string) {
  const event = { id: 'e', type: 'room.created', from: 'server', at: 3, payload: {} }
  return storage.rooms.create({ room_id, name: room_id, owner_user_id: 'usr_a', created_at: 2 }, event)
}
