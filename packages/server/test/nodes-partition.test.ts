import { expect, test, vi } from 'vitest'
import { atEnd, describeTogether } from './ends.ts'
import { chat, createNodes, expectGapless, grant, newRtcId, offerOf, ring, say, since } from './nodes.ts'
import { createOwnRedis } from './own-redis.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { hasRedis } from './redis-server.ts'
import type { Wire } from './support.ts'
import { createTcpProxy } from './tcp-proxy.ts'

const cuts = [
  { what: 'cut off both ways', way: undefined },
  { what: 'that cannot tell', way: 'target' },
  { what: 'that cannot hear', way: 'client' },
] as const

const fingerprint = `sha-256 ${Array(32).fill('AB').join(':')}`
const candidates = [{ host: '203.0.113.5', port: 4000, type: 'host' }]
const worst = (figures: readonly number[]) => Math.round(Math.max(...figures))

/** A way of its own to a server. */
async function wayTo(url: string) {
  const way = new URL(url)
  const proxy = await createTcpProxy(Number(way.port))
  atEnd(proxy.close)
  way.port = String(proxy.port)
  return { proxy, url: way.href }
}

/** Calls again and again, and notes what came of it: refused, and after how long, or not yet. */
async function keepCalling(room_id: string, from: Wire, to: Wire) {
  const offer = await offerOf(from, room_id)
  const calls: { at: number; code?: string | undefined; took?: number }[] = []
  const call = () => {
    const one: (typeof calls)[number] = { at: performance.now() }
    calls.push(one)
    from.ask('rtc.offer', to.peer_id, { ...offer, rtc_id: newRtcId() }).then(
      ({ code }) => Object.assign(one, { code, took: since(one.at) }),
      () => {},
    )
  }
  const timer = setInterval(call, 250)
  const isAtOnce = ({ code, took = Infinity }: (typeof calls)[number]) => code === 'UNROUTABLE' && took < 200
  return {
    calls,
    /** When calls began to be refused at once. */
    refusedFrom: () => calls.find(isAtOnce)?.at,
    /** Ends it; every call has been answered, and those from a time on at once. */
    async stop(from: number) {
      clearInterval(timer)
      // What was on its way when the bus went is given up together with the node.
      await vi.waitFor(() => expect(calls.filter(({ code }) => code !== 'UNROUTABLE')).toEqual([]), 10_000)
      expect(calls.filter((one) => one.at > from && !isAtOnce(one))).toEqual([])
    },
  }
}

async function share(room_id: string, from: Wire, to: Wire): Promise<string> {
  const cap_token = await grant(from, room_id, ['share:file'])
  const asked = { room_id, purpose: 'share:file', candidates, fingerprint, cap_token }
  const id = from.send('p2p.session.request', to.peer_id, asked)
  const { type, code } = await Promise.race([
    from.next(({ reply_to }) => reply_to === id),
    to.next('p2p.session.request'),
  ])
  return code ?? type
}

describeTogether(hasRedis && hasPostgres, 'a server among others', 120_000, async () => {
  const redis = await createOwnRedis()
  const databaseUrl = await (await createDatabase()).schema()
  const toRedis = await Promise.all(cuts.map(() => wayTo(redis.url)))
  const toDatabase = await wayTo(databaseUrl)
  const nodes = await createNodes(1 + cuts.length, databaseUrl, redis, (node) => ({
    ...(node > 0 && { MESH_REDIS_URL: toRedis[node - 1]?.url ?? '' }),
    ...(node === 1 && { MESH_DATABASE_URL: toDatabase.url }),
  }))
  const { room } = nodes
  const ann = await nodes.enter('ann', 0)
  const neighbour = await nodes.enter('cleo', 0)
  const far: { bob: Wire; cleo: Wire }[] = []
  for (const [at] of cuts.entries()) {
    far.push({ bob: await nodes.enter('bob', at + 1), cleo: await nodes.enter('cleo', at + 1) })
  }
  const everybody = () => [ann, neighbour, ...far.flatMap(({ bob, cleo }) => [bob, cleo])]
  const first = () => far[0]?.bob ?? ann

  /** Until all nodes reach each other. */
  async function untilWhole(): Promise<number> {
    const begun = performance.now()
    for (const { bob } of far) {
      for (const [from, to] of [[ann, bob] as const, [bob, ann] as const]) {
        await vi.waitUntil(async () => (await ring(from, to, room)).type === 'rtc.offer', { timeout: 20_000 })
      }
    }
    return since(begun)
  }

  /** Who can be called, as somebody is shown who asks who is in the room. */
  async function shown(to: Wire): Promise<string[]> {
    const peers = (await to.ask('room.join', room, {})).payload.peers as { peer_id: string; status: string }[]
    return peers.flatMap(({ peer_id, status }) => (status === 'reconnecting' ? [] : [peer_id])).sort()
  }

  const take = async (by: Wire, terminal_id: unknown) => {
    const cap_token = await grant(by, room, ['terminal:control'], { target_peer_id: ann.peer_id })
    return by.ask('terminal.control.take', 'server', { terminal_id, cap_token })
  }
  const renew = async (by: Wire, terminal_id: unknown, fence: number) => {
    const cap_token = await grant(by, room, ['terminal:control'], { target_peer_id: ann.peer_id })
    return by.ask('terminal.control.renew', 'server', { terminal_id, fence, cap_token })
  }

  /** As all have seen it: each fence had one holder. */
  function expectOneHolder(fences: number): void {
    const holders = new Map<string, Set<unknown>>()
    for (const { type, payload } of everybody().flatMap(({ frames }) => frames)) {
      if (type !== 'terminal.control.granted') continue
      const grant = `${String(payload.terminal_id)} ${String(payload.fence)}`
      holders.set(grant, (holders.get(grant) ?? new Set()).add(payload.peer_id))
    }
    expect([...holders.values()].map(({ size }) => size)).toEqual(Array(fences).fill(1))
  }

  test('is cut off from the bus, both ways or one: what is promised holds on both sides, and all comes together again', async () => {
    await untilWhole()
    const { terminal_id } = (await ann.ask('terminal.share.start', room, { room_id: room, title: 'shell' })).payload
    expect((await take(first(), terminal_id)).payload).toMatchObject({ fence: 1 })
    const out = await Promise.all(far.map(({ bob }) => keepCalling(room, bob, ann)))
    const into = await Promise.all(far.map(({ bob }) => keepCalling(room, ann, bob)))

    for (const [at, { way }] of cuts.entries()) toRedis[at]?.proxy.stall(true, way)
    const begun = performance.now()
    const told = far.map(({ bob }, at) => chat(room, `from node ${at + 1}`, bob, ann))
    const heard = chat(room, 'from the others', ann, neighbour).then(() =>
      Promise.all(
        far.map(async ({ bob }) => {
          await bob.next(({ payload }) => payload.text === 'from the others')
          return since(begun)
        }),
      ),
    )
    for (const { bob, cleo } of far) expect((await ring(bob, cleo, room)).type).toBe('rtc.offer')
    expect((await take(neighbour, terminal_id)).code).toBe('CONFLICT')
    const caughtUp = { told: await Promise.all(told), heard: await heard }

    // From here on those cut off know it.
    await vi.waitUntil(() => out.every((each) => each.refusedFrom()), { timeout: 12_000 })
    expect((await renew(first(), terminal_id, 1)).payload).toMatchObject({ fence: 1 })
    for (const { bob, cleo } of far) {
      expect((await ring(bob, cleo, room)).type).toBe('rtc.offer')
      expect(await share(room, bob, cleo)).toBe('p2p.session.request')
      expect(await share(room, bob, ann)).toBe('UNROUTABLE')
    }
    const [tellsLater, hearsLater] = [
      await Promise.all(far.map(({ bob }, at) => chat(room, `later from node ${at + 1}`, bob, ann))),
      await Promise.all(far.map(({ bob }, at) => chat(room, `later for node ${at + 1}`, ann, bob))),
    ]
    const path = `/rooms/${room}/members/${nodes.people.cleo.user_id}`
    const removed = performance.now()
    expect(await nodes.rest(1, 'DELETE', path)).toBe(204)
    const lost = await Promise.all(
      [neighbour, ...far.map(({ cleo }) => cleo)].map(async (wire) => {
        await wire.next(({ type, payload }) => type === 'room.left' && payload.reason === 'removed')
        return since(removed)
      }),
    )
    expect(await nodes.rest(1, 'PUT', path, { role: 'member' })).toBeLessThan(300)
    await neighbour.ask('room.join', room, {})

    // And now the others do as well.
    for (const { bob } of far) {
      await ann.next(({ type, payload }) => type === 'room.left' && payload.peer_id === bob.peer_id)
    }
    const gone = since(begun)
    const refusedFrom = (all: typeof out) => all.map((each) => (each.refusedFrom() ?? Infinity) - begun)
    const refused = { there: refusedFrom(out), here: refusedFrom(into) }
    for (const each of [...out, ...into]) await each.stop(begun + 15_000)
    // Whoever is still heard is shown, but not as somebody to be called.
    for (const { bob } of far) await vi.waitFor(async () => expect(await shown(bob)).toEqual([bob.peer_id]), 8_000)
    expect((await renew(first(), terminal_id, 1)).code).toBe('CONFLICT')
    expect((await take(neighbour, terminal_id)).payload).toMatchObject({ fence: 2 })

    for (const { proxy } of toRedis) proxy.stall(false)
    const back = await untilWhole()
    for (const { cleo } of far) await cleo.ask('room.join', room, {})
    const all = everybody().map(({ peer_id }) => peer_id)
    for (const wire of everybody()) {
      await vi.waitFor(async () => expect(await shown(wire)).toEqual(all.sort()), 10_000)
    }
    for (const wire of [ann, ...far.map(({ bob }) => bob)]) expectGapless(wire)
    expectOneHolder(2)
    for (const [at, { what }] of cuts.entries()) {
      say(
        `a node ${what}: calls from there are UNROUTABLE at once after ${Math.round(refused.there[at] ?? NaN)} ms, calls to it after ${Math.round(refused.here[at] ?? NaN)} ms; ` +
          `chat of the first moment is seen after ${caughtUp.told[at]} ms from there and ${caughtUp.heard[at]} ms there, later ${tellsLater[at]} and ${hearsLater[at]} ms`,
      )
    }
    say(
      `who is removed by a node cut off is out everywhere after ${worst(lost)} ms; peers cut off are gone after ${gone} ms; mended, calls get through after ${back} ms`,
    )
    expect(worst(refused.there)).toBeLessThan(8_000)
    expect(worst(refused.here)).toBeLessThan(15_000)
    expect(worst([...caughtUp.told, ...caughtUp.heard])).toBeLessThan(12_000)
    expect(worst([...tellsLater, ...hearsLater, ...lost])).toBeLessThan(4_000)
    expect(gone).toBeLessThan(20_000)
    expect(back).toBeLessThan(8_000)
    expect(nodes.areLive()).toBe(true)
  })

  test('is cut off from PostgreSQL: what needs it is refused, the rest goes on, and control ends', async () => {
    const [{ bob, cleo } = { bob: ann, cleo: ann }] = far
    const { terminal_id } = (await ann.ask('terminal.share.start', room, { room_id: room, title: 'shell' })).payload
    const granted = performance.now()
    expect((await take(bob, terminal_id)).payload).toMatchObject({ fence: 1 })
    const tokens = { target_peer_id: ann.peer_id }
    const cap_token = await grant(bob, room, ['terminal:control'], tokens)
    const calls = await offerOf(cleo, room)
    const ringing = async (to: Wire) => {
      const offer = { ...calls, rtc_id: newRtcId() }
      const id = cleo.send('rtc.offer', to.peer_id, offer)
      const there = to.next(({ type, payload }) => type === 'rtc.offer' && payload.rtc_id === offer.rtc_id)
      const { type, code } = await Promise.race([there, cleo.next(({ reply_to }) => reply_to === id)])
      return code ?? type
    }
    const asking = await nodes.enter('cleo', 1)

    toDatabase.proxy.stall(true)
    const begun = performance.now()
    const timed = async (answer: Promise<{ code?: string }>) => ({ code: (await answer).code, took: since(begun) })
    const refused = Promise.all([
      timed(asking.ask('capability.request', 'server', { room_id: room, caps: ['call'] })),
      timed(bob.ask('terminal.control.renew', 'server', { terminal_id, fence: 1, cap_token })),
    ])
    expect([await ringing(asking), await ringing(ann)]).toEqual(['rtc.offer', 'rtc.offer'])
    const seen = await chat(room, 'over the bus', ann, bob)
    for (const { code } of await refused) expect(code).toBe('UNAVAILABLE')
    expect((await take(neighbour, terminal_id)).code).toBe('CONFLICT')
    await vi.waitFor(async () => expect(await ringing(asking)).toBe('UNAVAILABLE'), { timeout: 20_000, interval: 500 })
    const closed = since(begun)
    await vi.waitFor(async () => expect((await take(neighbour, terminal_id)).payload.fence).toBe(2), 20_000)
    const taken = since(granted)

    toDatabase.proxy.stall(false)
    const mended = performance.now()
    await vi.waitFor(async () => expect(await ringing(asking)).toBe('rtc.offer'), { timeout: 20_000, interval: 50 })
    const back = since(mended)
    expect((await renew(bob, terminal_id, 1)).code).toBe('CONFLICT')
    await chat(room, 'and on', bob, ann)
    for (const wire of [ann, bob]) expectGapless(wire)
    expectOneHolder(4)
    const slowest = worst((await refused).map(({ took }) => took))
    say(
      `a node cut off from PostgreSQL: refused after at most ${slowest} ms, chat of others seen after ${seen} ms, new calls refused from ${closed} ms on; ` +
        `control that could not be renewed is another's ${taken} ms after it was given; mended, it serves after ${back} ms`,
    )
    expect(slowest).toBeLessThan(10_000)
    expect(seen).toBeLessThan(1_000)
    expect(taken).toBeLessThan(18_000)
    expect(back).toBeLessThan(5_000)
    expect(nodes.areLive()).toBe(true)
  })
})
