import { setTimeout as sleep } from 'node:timers/promises'
import { postgres } from '@mesh/server/postgres'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { login, startFaultyServer } from './faulty-server.ts'
import { quantile } from './nodes.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'

/** For how many seconds nothing of a room's log is read or written. More of them by hand: `MESH_SLOW_S=30`. */
const seconds = Number(process.env['MESH_SLOW_S'] ?? 6)

test.runIf(hasPostgres)(
  'where one table does not answer, everybody is told before long, calls go on, and it is over at once',
  async () => {
    const { url } = await createDatabase()
    const server = await startFaultyServer({ storage: await postgres(url), env: { MESH_DATABASE_URL: url } })
    const { tokens, room } = server
    expect((await server.say('before')).came).toBe('chat.message.created')
    const other = new pg.Client(url)
    await other.connect()
    onTestFinished(() => other.end())
    await other.query('begin; lock table mesh_event in access exclusive mode')

    const until = performance.now() + seconds * 1_000
    const statuses = new Map<number, number>()
    let slowest = 0
    /** Reads the log of the room, again and again. */
    const read = async () => {
      while (performance.now() < until) {
        const begun = performance.now()
        const response = await fetch(`${server.url}/api/v1/rooms/${room}/events?after=0`, {
          headers: { authorization: `Bearer ${tokens.ann}` },
        })
        await response.arrayBuffer()
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
        slowest = Math.max(slowest, performance.now() - begun)
        await sleep(20)
      }
    }
    const logins: { status: number; ms: number }[] = []
    const logIn = async () => {
      while (performance.now() < until) {
        logins.push(await login(server.url))
        await sleep(500)
      }
    }
    const readers = Array.from({ length: 20 }, read)
    const said = server.say('meanwhile')
    const signals = await server.signals(Promise.all([...readers, logIn()]))
    await other.query('rollback')
    const back = await server.until(200, 5_000)
    const { came, ms } = await said
    process.stdout.write(
      `a table that does not answer for ${seconds} s: reads ended with ${JSON.stringify([...statuses])} after at most ${Math.round(slowest)} ms, ` +
        `a message ${came} after ${Math.round(ms)} ms, ${logins.filter(({ status }) => status === 200).length} of ${logins.length} logins came through ` +
        `(${logins.map(({ ms }) => Math.round(ms)).join(' ')} ms), signals ${quantile(signals, 0.99).toFixed(1)} ms (p99); ready ${Math.round(back)} ms after\n`,
    )
    expect([...statuses.keys()]).toEqual([503])
    expect(slowest).toBeLessThan(8_000)
    expect(came).toBe('UNAVAILABLE')
    // They have connections of their own.
    expect(logins.filter(({ status }) => status !== 200)).toEqual([])
    expect(Math.max(...logins.map(({ ms }) => ms))).toBeLessThan(2_000)
    expect((await login(server.url)).status).toBe(200)
    expect(quantile(signals, 0.99)).toBeLessThan(250)
    expect((await server.say('after')).came).toBe('chat.message.created')
    expect(await server.stored()).toEqual(server.acknowledged)
    expect(server.child.exitCode).toBeNull()
  },
  120_000,
)
