import { setTimeout as sleep } from 'node:timers/promises'
import { isMeshError } from '@mesh/core/errors'
import { postgres } from '@mesh/server/postgres'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createOwnPostgres, hasOwnPostgres } from './own-postgres.ts'
import { addRoom, append } from './storage-files.ts'

const rooms = ['room_1', 'room_2', 'room_3', 'room_4']
const restarts = 3

describe.runIf(hasOwnPostgres)('a database that goes away', { timeout: 120_000 }, () => {
  test(`${restarts} restarts under load lose nothing acknowledged, and everybody is told at once`, async () => {
    const server = await createOwnPostgres()
    const storage = await postgres(server.url)
    onTestFinished(() => storage.close())
    for (const room_id of rooms) await addRoom(storage, room_id)

    const acknowledged = new Map<string, string>()
    const refusals: unknown[] = []
    let [slowestRefusal, latest, sent, over] = [0, 0, 0, false]
    /** Writes one after the other until it is over, and notes what became of each. */
    const write = async (lane: number) => {
      const room_id = rooms[lane % rooms.length] ?? ''
      for (let n = 0; !over; n += 1) {
        const id = `${lane}/${n}`
        const event = { id, type: 'chat.message.created', from: 'usr_a', at: 3, payload: {} }
        const once = { sender: `usr_${lane}`, id, digest: 'd' }
        const began = performance.now()
        sent += 1
        try {
          await storage.events.append(room_id, event, { user_id: 'usr_a', once })
          acknowledged.set(id, room_id)
          latest = performance.now()
        } catch (error) {
          refusals.push(isMeshError(error) ? error.code : error)
          slowestRefusal = Math.max(slowestRefusal, performance.now() - began)
          await sleep(20)
        }
      }
    }
    const writers = Array.from({ length: 8 }, (_, lane) => write(lane))

    let slowestReturn = 0
    for (let round = 0; round < restarts; round += 1) {
      await sleep(500)
      await server.crash()
      await sleep(500)
      expect(await storage.ready().catch((error: unknown) => isMeshError(error) && error.code)).toBe('UNAVAILABLE')
      await server.start()
      const up = performance.now()
      while (latest < up) await sleep(5)
      slowestReturn = Math.max(slowestReturn, latest - up)
      await storage.ready()
    }
    over = true
    await Promise.all(writers)

    const found = new Map<string, number>()
    for (const room_id of rooms) {
      const events = await storage.events.list(room_id, { after: 0, limit: 1_000_000 })
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
      expect((await storage.rooms.find(room_id))?.seq).toBe(events.length)
      for (const { id } of events) found.set(id, (found.get(id) ?? 0) + 1)
    }
    const lost = [...acknowledged.keys()].filter((id) => !found.has(id))
    const twice = [...acknowledged.keys()].filter((id) => (found.get(id) ?? 0) > 1)
    process.stdout.write(
      `${restarts} restarts: ${sent} sent, ${acknowledged.size} acknowledged, ${lost.length} lost, ${twice.length} twice; ` +
        `${refusals.length} refused, at most after ${Math.round(slowestRefusal)} ms; served again after ${Math.round(slowestReturn)} ms\n`,
    )
    expect([lost, twice]).toEqual([[], []])
    expect(new Set(refusals)).toEqual(new Set(['UNAVAILABLE']))
    expect(slowestRefusal).toBeLessThan(2_000)
    expect(slowestReturn).toBeLessThan(5_000)
    expect(acknowledged.size).toBeGreaterThan(restarts)
  })

  test('a connection that hangs is given up, and the next write goes over another one', async () => {
    const server = await createOwnPostgres()
    const storage = await postgres(server.url, { maxConnections: 1, statementTimeoutMs: 500, connectTimeoutMs: 1_000 })
    onTestFinished(() => storage.close())
    await addRoom(storage, 'room_1')
    const outside = new pg.Client(server.url)
    await outside.connect()
    const { rows } = await outside.query<{ pid: number }>(
      "select pid from pg_stat_activity where application_name = 'mesh'",
    )
    await outside.end()
    const pid = rows[0]?.pid ?? 0
    expect(rows).toHaveLength(1)
    process.kill(pid, 'SIGSTOP')
    onTestFinished(() => void process.kill(pid, 'SIGCONT'))
    const lost = await append(storage, 'room_1', 'lost').catch((error: unknown) => isMeshError(error) && error.code)
    expect(lost).toBe('UNAVAILABLE')
    expect(await append(storage, 'room_1', 'next')).toMatchObject({ outcome: 'appended', event: { seq: 2 } })
  })
})
