import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createNodes, grant, newRtcId, offerOf, ring, say, since } from './nodes.ts'
import { createOwnPostgres, hasOwnPostgres } from './own-postgres.ts'
import { createOwnRedis } from './own-redis.ts'
import { hasRedis } from './redis-server.ts'
import type { Wire } from './support.ts'

const redis = hasRedis ? await createOwnRedis() : undefined
const awayMs = 2_000

test.runIf(redis && hasOwnPostgres)(
  'PostgreSQL restarts under two servers: calls go on within and between them, nothing acknowledged is lost, and all serves again at once',
  { timeout: 90_000 },
  async () => {
    const database = await createOwnPostgres()
    if (!redis) return
    const nodes = await createNodes(2, database.url, redis, () => ({}), onTestFinished)
    const { room } = nodes
    const [ann, neighbour, bob] = [
      await nodes.enter('ann', 0),
      await nodes.enter('cleo', 0),
      await nodes.enter('bob', 1),
    ]

    let over = false
    const isDown = { since: Infinity, until: Infinity }
    const acknowledged: string[] = []
    const refusals: { code: string | undefined; took: number }[] = []
    let latest = 0
    /** Says one thing after the other, and notes what became of each. */
    async function talk(name: string, wire: Wire): Promise<void> {
      for (let n = 0; !over; n++) {
        const text = `${name} ${n}`
        const begun = performance.now()
        const { code } = await wire.ask('chat.message.send', room, { text })
        if (code) refusals.push({ code, took: since(begun) })
        else {
          acknowledged.push(text)
          latest = performance.now()
        }
        await sleep(20)
      }
    }
    /** Calls again and again by one token; how long each took to ring. */
    async function call(from: Wire, to: Wire): Promise<number[]> {
      const offer = await offerOf(from, room)
      const took: number[] = []
      while (!over) {
        const begun = performance.now()
        const rtc_id = newRtcId()
        from.send('rtc.offer', to.peer_id, { ...offer, rtc_id })
        await to.next(({ type, payload }) => type === 'rtc.offer' && payload.rtc_id === rtc_id)
        took.push(since(begun))
        from.send('rtc.bye', to.peer_id, { rtc_id, reason: 'hangup' })
        await sleep(50)
      }
      return took
    }
    // Who talks waits for answers, and so does not call.
    const [caller, callee] = [await nodes.enter('ann', 0), await nodes.enter('bob', 1)]
    // Nodes that have just started do not know of each other yet, and a call that is refused never rings.
    for (const [from, to] of [
      [caller, callee],
      [callee, neighbour],
    ] as const) {
      await vi.waitUntil(async () => (await ring(from, to, room)).type === 'rtc.offer', { timeout: 10_000 })
    }
    const work = Promise.all([talk('ann', ann), talk('bob', bob)])
    const calls = Promise.all([call(caller, neighbour), call(caller, callee), call(callee, neighbour)])

    await sleep(1_000)
    isDown.since = performance.now()
    await database.crash()
    await sleep(200)
    const asked = await neighbour.ask('capability.request', 'server', { room_id: room, caps: ['call'] })
    expect(asked.code).toBe('UNAVAILABLE')
    await sleep(awayMs)
    await database.start()
    isDown.until = performance.now()
    while (latest < isDown.until && since(isDown.until) < 10_000) await sleep(5)
    const back = Math.round(latest - isDown.until)
    await sleep(500)
    over = true
    await work
    const rang = await calls
    await grant(neighbour, room, ['call'])

    const { body } = await nodes
      .host(1)
      .rest('GET', `/api/v1/rooms/${room}/events?after=0&limit=1000`, undefined, nodes.people.ann.token)
    const events = body.data as { seq: number; payload: { text?: string } }[]
    const stored = events.flatMap(({ payload }) => payload.text ?? [])
    const lost = acknowledged.filter((text) => !stored.includes(text))
    const worst = rang.map((took) => Math.max(...took))
    say(
      `PostgreSQL away for ${Math.round(isDown.until - isDown.since)} ms: ${acknowledged.length} messages acknowledged, ${lost.length} lost, ${stored.length - new Set(stored).size} twice; ` +
        `${refusals.length} refused, at most after ${Math.max(...refusals.map(({ took }) => took))} ms; ${rang.flat().length} calls rang, within a server after at most ${worst[0]} ms, between two after ${worst[1]} and ${worst[2]} ms; served again after ${back} ms`,
    )
    expect(lost).toEqual([])
    expect(new Set(stored).size).toBe(stored.length)
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']))
    expect(Math.max(...refusals.map(({ took }) => took))).toBeLessThan(2_500)
    expect(Math.max(...worst)).toBeLessThan(500)
    expect(back).toBeLessThan(5_000)
    expect(nodes.areLive()).toBe(true)
  },
)
