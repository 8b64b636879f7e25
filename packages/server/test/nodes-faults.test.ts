import { expect, test, vi } from 'vitest'
import { describeTogether } from './ends.ts'
import { chat, createNodes, expectGapless, newRtcId, offerOf, ring, say, since } from './nodes.ts'
import { createOwnRedis } from './own-redis.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { hasRedis } from './redis-server.ts'

/** How long a server stands still; longer by hand: `MESH_STOP_S=30`. */
const stopS = Number(process.env['MESH_STOP_S'] ?? 20)

describeTogether(hasRedis && hasPostgres, 'two servers', 120_000, async () => {
  const database = await createDatabase()
  const redis = await createOwnRedis()
  const nodes = await createNodes(2, await database.schema(), redis)
  const { room, people, children } = nodes
  const ann = await nodes.enter('ann', 0)
  const neighbour = await nodes.enter('cleo', 0)
  let bob = await nodes.enter('bob', 1)

  /** Until a call from one node to the other rings; how long that took, in milliseconds. */
  async function untilReached(): Promise<number> {
    const begun = performance.now()
    const rings = async () => (await ring(ann, bob, room)).type === 'rtc.offer'
    await vi.waitUntil(rings, { timeout: 20_000, interval: 50 })
    return since(begun)
  }

  test('Redis is killed: each feature does what is promised; it comes back, and so does everything', async () => {
    await untilReached()
    await redis.kill()
    await vi.waitUntil(async () => (await ring(ann, bob, room)).code === 'UNROUTABLE', { timeout: 2_000, interval: 20 })
    const begun = performance.now()
    expect((await ring(ann, bob, room)).code).toBe('UNROUTABLE')
    const refused = since(begun)
    expect((await ring(ann, neighbour, room)).type).toBe('rtc.offer')
    const polled = await chat(room, 'while Redis is away', ann, bob)
    expect(polled).toBeLessThan(4_000)

    const path = `/rooms/${room}/members/${people.bob.user_id}`
    expect(await nodes.rest(0, 'DELETE', path)).toBe(204)
    expect((await bob.ask('chat.message.send', room, { text: 'still here?' })).code).toBe('ACCESS_DENIED')
    expect(await nodes.rest(0, 'PUT', path, { role: 'member' })).toBeLessThan(300)
    expect((await bob.ask('room.join', room, {})).type).toBe('room.joined')

    const disabled = performance.now()
    expect(await nodes.rest(0, 'PATCH', `/users/${people.bob.user_id}`, { disabled: true })).toBe(200)
    expect(await bob.closed).toBe(4101)
    const ended = since(disabled)
    expect(ended).toBeLessThan(6_000)
    expect(await nodes.rest(0, 'PATCH', `/users/${people.bob.user_id}`, { disabled: false })).toBe(200)
    await nodes.login('bob')
    bob = await nodes.enter('bob', 1)

    await redis.start()
    const back = await untilReached()
    say(
      `Redis killed: a call to the other node is UNROUTABLE in ${refused} ms, chat is there after ${polled} ms, a disabled user is out after ${ended} ms; calls get through ${back} ms after Redis is ready`,
    )
    expect(back).toBeLessThan(3_000)
    expect(nodes.areLive()).toBe(true)
  })

  test('the listening connections alone are cut: nothing is lost, and it is over at once', async () => {
    await untilReached()
    await redis.cutListeners()
    const texts = Array.from({ length: 20 }, (_, i) => `cut ${i}`)
    for (const text of texts) ann.send('chat.message.send', room, { text })
    const back = await untilReached()
    const seen = () => texts.every((text) => bob.frames.some(({ payload }) => payload.text === text))
    const begun = performance.now()
    await vi.waitUntil(seen, { timeout: 10_000 })
    say(`listening connections cut: calls get through after ${back} ms, all chat is there ${since(begun)} ms later`)
    expect(back).toBeLessThan(3_000)
    expectGapless(bob)
    expect(nodes.areLive()).toBe(true)
  })

  test(`a server stands still for ${stopS} s: its peers become UNROUTABLE, then gone; it catches up when it goes on`, async () => {
    await untilReached()
    children[1]?.kill('SIGSTOP')
    const begun = performance.now()
    const texts = Array.from({ length: 5 }, (_, i) => `stopped ${i}`)
    for (const text of texts) await chat(room, text, ann, neighbour)
    const offer = await offerOf(ann, room)
    const asked: string[] = []
    const refused = () =>
      asked.filter((id) => ann.frames.some(({ code, reply_to }) => code === 'UNROUTABLE' && reply_to === id))
    const ask = () => asked.push(ann.send('rtc.offer', bob.peer_id, { ...offer, rtc_id: newRtcId() }))
    await vi.waitUntil(() => ask() > 0 && refused().length > 0, { timeout: 18_000, interval: 500 })
    const noticed = since(begun)
    await ann.next(({ type, payload }) => type === 'room.left' && payload.peer_id === bob.peer_id)
    const gone = since(begun)
    // What was on its way is answered as well.
    await vi.waitFor(() => expect(refused()).toEqual(asked))
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, stopS * 1_000 - since(begun))))
    children[1]?.kill('SIGCONT')
    const going = performance.now()
    // Its clients were not heard for long enough to be looked for elsewhere; whoever stayed goes on.
    const isOpen = await Promise.race([
      bob.closed.then(() => false),
      bob.ask('system.ping', 'server', {}).then(() => true),
    ])
    if (!isOpen) bob = await nodes.enter('bob', 1)
    const back = await untilReached()
    await vi.waitUntil(
      async () => isOpen === false || texts.every((text) => bob.frames.some(({ payload }) => payload.text === text)),
      { timeout: 10_000 },
    )
    say(
      `a server stopped for ${stopS} s: UNROUTABLE after ${noticed} ms, its peers gone after ${gone} ms; ${isOpen ? 'sockets stayed' : 'sockets were closed'}, reached ${back} ms and caught up ${since(going)} ms after it goes on`,
    )
    expect(gone).toBeLessThan(18_000)
    expectGapless(bob)
    expect(nodes.areLive()).toBe(true)
  })
})
