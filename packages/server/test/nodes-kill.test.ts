import { expect, test, vi } from 'vitest'
import { enrol } from './agent.ts'
import { describeTogether } from './ends.ts'
import { chat, createNodes, expectGapless, offerOf, ring, say, since } from './nodes.ts'
import { createOwnRedis } from './own-redis.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { hasRedis } from './redis-server.ts'
import type { Frame, Wire } from './support.ts'

describeTogether(hasRedis && hasPostgres, 'a server that is killed', 60_000, async () => {
  const databaseUrl = await (await createDatabase()).schema()
  const nodes = await createNodes(2, databaseUrl, await createOwnRedis())
  const { room, people } = nodes

  /** Who is in the room, as somebody is shown who asks. */
  const shown = async (to: Wire) =>
    ((await to.ask('room.join', room, {})).payload.peers as { peer_id: string }[]).map(({ peer_id }) => peer_id).sort()

  test('its peers are gone, each once; its clients come back elsewhere and miss nothing, and it starts without ghosts', async () => {
    const ann = await nodes.enter('ann', 0)
    const bob = await nodes.enter('bob', 1)
    const agent = await enrol(nodes.host(1), { access_token: people.bob.token })
    const machine = await agent.connect()
    await machine.ask('room.join', room, {})
    const { session_id, resume } = (bob.frames.find(({ type }) => type === 'system.welcome')?.payload ?? {}) as {
      session_id?: string
      resume?: { token: string }
    }
    await vi.waitUntil(async () => (await ring(ann, bob, room)).type === 'rtc.offer', { timeout: 10_000 })
    const told = Array.from({ length: 20 }, (_, n) => chat(room, `before ${n}`, bob, ann))
    await Promise.all(told)
    const received = bob.frames.length - 1

    await nodes.kill(1)
    const begun = performance.now()
    expect(await bob.closed).toBe(1006)
    const after = ann.frames.length
    expect((await ann.ask('rtc.offer', bob.peer_id, await offerOf(ann, room))).code).toBe('UNROUTABLE')
    const refused = since(begun)
    const isLeave = ({ type, payload }: Frame, of: Wire) => type === 'room.left' && payload.peer_id === of.peer_id
    for (const wire of [bob, machine]) await ann.next((frame) => isLeave(frame, wire))
    const gone = since(begun)
    expect((await ann.ask('chat.message.send', room, { text: 'meanwhile' })).type).toBe('chat.message.created')

    const again = await nodes.host(0).open()
    const hello = { token: people.bob.token, resume: { session_id, token: resume?.token, received } }
    const welcome = await again.ask('system.hello', 'server', hello)
    // The session went with its node: that is said, and the client reads what it missed.
    expect(welcome.payload).toMatchObject({ resumed: false })
    const before = bob.frames.findLast(({ type }) => type === 'chat.message.created')?.payload.seq
    const joined = await again.ask('room.join', room, {})
    const { body } = await nodes
      .host(0)
      .rest('GET', `/api/v1/rooms/${room}/events?after=${String(before)}&limit=100`, undefined, people.bob.token)
    const missed = (body.data as { type: string; payload: { text?: string } }[]).map(
      ({ type, payload }) => payload.text ?? type,
    )
    expect(missed.sort()).toEqual(['call.missed', 'meanwhile'])
    expect(joined.type).toBe('room.joined')
    const back = since(begun)
    const elsewhere = await enrolAgain(0)
    expect(await shown(ann)).toEqual([ann, again, elsewhere].map(({ peer_id }) => peer_id).sort())

    await nodes.start(1)
    const late = await nodes.enter('bob', 1)
    await vi.waitUntil(async () => (await ring(ann, late, room)).type === 'rtc.offer', { timeout: 10_000 })
    await chat(room, 'and on', late, ann)
    const all = [ann, again, elsewhere, late].map(({ peer_id }) => peer_id).sort()
    for (const wire of [ann, late]) await vi.waitFor(async () => expect(await shown(wire)).toEqual(all), 5_000)
    for (const wire of [bob, machine]) {
      expect(ann.frames.slice(after).filter((frame) => isLeave(frame, wire))).toHaveLength(1)
    }
    expectGapless(ann)
    expect(nodes.areLive()).toBe(true)
    say(
      `a server killed: calls to its peers are UNROUTABLE after ${refused} ms, they are gone after ${gone} ms; a client is back elsewhere after ${back} ms`,
    )
    expect(refused).toBeLessThan(3_000)
    expect(gone).toBeLessThan(18_000)

    async function enrolAgain(node: number): Promise<Wire> {
      const { device_id, assertion } = agent
      const { body } = await nodes
        .host(node)
        .rest('POST', '/api/v1/auth/device', { assertion: await assertion(Date.now() + 1) })
      const wire = await nodes.host(node).open()
      expect((await wire.hello(String(body.access_token))).payload).toMatchObject({ device_id })
      await wire.ask('room.join', room, {})
      return wire
    }
  })
})
