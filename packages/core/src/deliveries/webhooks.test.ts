import { expect, test } from 'vitest'
import type { RoomEvent } from '../ports/index.ts'
import { createWorld, ring } from '../testing/kit.ts'
import { createRandom } from '../testing/simulator/random.ts'
import { createStage } from '../testing/terminal-kit.ts'
import { createTestMesh } from '../testing/test-mesh.ts'
import { createTwoNodes, passer } from '../testing/two-nodes.ts'

const sent = { outcome: 'sent' } as const

/** Gives up after 40 s, and until then tries each second. */
const stubborn = {
  giveUpMs: 40_000,
  retryMs: { first: 1_000, longest: 1_000 },
  breaker: { failures: 1e9, pauseMs: 1 },
}

/** A webhook that takes what it is said to, on a room with nothing but its beginning. */
async function setUpWebhook(takes: (event: RoomEvent) => boolean) {
  const heard: number[] = []
  const webhook = {
    name: 'x',
    async send(event: RoomEvent) {
      if (!takes(event)) return { outcome: 'later', reason: 'status 500' } as const
      heard.push(event.seq)
      return { outcome: 'sent' } as const
    },
  }
  const t = await createWorld({ webhooks: [webhook], deliveries: stubborn })
  const { seq: last } = (await t.storage.rooms.find(t.room)) ?? { seq: NaN }
  return {
    ...t,
    heard,
    last,
    rename: (name: string) => t.mesh.rooms.update('administrator', t.room, { name }),
    pass: passer(t.clock),
  }
}

test('a webhook hears of every kind of durable event, also where nothing waits with which it could come', async () => {
  const heard: RoomEvent[] = []
  const webhook = { name: 'x', send: async (event: RoomEvent) => (heard.push(event), sent) }
  const world = await createWorld({ webhooks: [webhook] })
  const pass = passer(world.clock)
  await pass(1)
  const t = await createStage(world)
  const { ann, bob, cleo } = t.peers
  const { invites } = t.mesh
  const invited = { role: 'guest', expires_in_s: 600, max_uses: 1 } as const
  for (const act of [
    () => t.control(ann),
    () => t.release(ann),
    () => t.control(cleo),
    () => bob.ask('terminal.share.stop', 'server', { terminal_id: t.terminal_id }),
    () => ann.ask('chat.message.send', t.room, { text: 'hello' }),
    () => t.setRole(t.dan, 'guest'),
    () => t.setRole(t.dan, 'member'),
    () => t.setCaps({}),
    () => ring(ann, t.room, t.dan),
    async () => invites.accept(await t.user('eve'), (await invites.create({ user_id: t.ann }, t.room, invited)).code),
    () => t.remove(t.dan),
  ]) {
    await pass(1)
    await act()
  }
  await pass(2)
  expect(heard).toEqual(await t.storage.events.list(t.room, { after: 0, limit: 99 }))
  expect([...new Set(heard.map(({ type }) => type))].sort()).toEqual([
    'call.missed',
    'chat.message.created',
    'room.created',
    'room.member.added',
    'room.member.removed',
    'room.member.updated',
    'room.updated',
    'terminal.control.granted',
    'terminal.control.released',
    'terminal.share.started',
    'terminal.share.stopped',
  ])
})

test('a webhook that is slow is told no more under one claim than the claim is good for', async () => {
  const heard: number[] = []
  const slow = {
    name: 'x',
    async send({ seq }: RoomEvent) {
      heard.push(seq)
      await new Promise<void>((resolve) => void clock.after(4_000, resolve))
      return sent
    },
  }
  const t = await createTwoNodes({ webhooks: [slow] })
  const { clock } = t
  for (let n = 0; n < 12; n++) await t.mesh.rooms.update('administrator', t.room, { name: `${n}` })
  const { seq = NaN } = (await t.storage.rooms.find(t.room)) ?? {}
  await passer(clock)(100)
  expect(heard).toEqual(Array.from({ length: seq }, (_, index) => index + 1))
})

test('after a long outage a webhook misses the events that are too old, and no others', async () => {
  let isWell = false
  const t = await setUpWebhook(() => isWell)
  await t.pass(30)
  await t.rename('new')
  await t.pass(20)
  expect(await t.storage.deliveries.dead({ limit: 9 })).toMatchObject([{ after: 0, count: t.last }])
  isWell = true
  await t.pass(5)
  expect(t.heard).toEqual([t.last + 1])
})

test('an event that a webhook never takes holds up those behind it until it is too old', async () => {
  const t = await setUpWebhook(({ payload }) => payload.name !== 'poison')
  await t.pass(5)
  await t.rename('poison')
  await t.pass(20)
  await t.rename('behind')
  await t.pass(15)
  expect(t.heard.at(-1)).toBe(t.last)
  await t.pass(10)
  expect(t.heard.at(-1)).toBe(t.last + 2)
  expect(await t.storage.deliveries.dead({ limit: 9 })).toMatchObject([{ after: t.last, count: 1 }])
  expect(await t.storage.deliveries.list({ limit: 9 })).toEqual([])
})

test('a webhook that took some of what waits is not told the rest before it has asked for it', async () => {
  const asked: number[] = []
  const webhook = {
    name: 'x',
    async send({ seq }: RoomEvent) {
      asked.push(seq)
      return asked.length === 2 ? ({ outcome: 'later', reason: 'status 429', retry_after_ms: 30_000 } as const) : sent
    },
  }
  const t = await createWorld({ webhooks: [webhook] })
  await passer(t.clock)(29)
  expect(asked).toEqual([1, 2])
  await passer(t.clock)(5)
  expect(asked).toEqual([1, 2, 2, 3])
})

test('a webhook hears of events that were stored while this process was not told to tell it', async () => {
  let isWell = false
  const t = await setUpWebhook(() => isWell)
  const elsewhere = await createTestMesh({ storage: t.storage, clock: t.clock })
  await elsewhere.mesh.rooms.update('administrator', t.room, { name: 'by hand' })
  await t.rename('after')
  isWell = true
  await t.pass(5)
  expect(t.heard).toEqual(Array.from({ length: t.last + 2 }, (_, index) => index + 1))
})

test('a webhook hears of each room in order, from whichever of two nodes, though it fails now and then', async () => {
  const { next } = createRandom(5)
  const heard = new Map<string, number[]>()
  const webhook = {
    name: 'x',
    async send({ room_id, seq }: RoomEvent) {
      for (let n = Math.floor(next() * 4); n > 0; n--) await new Promise((resolve) => setImmediate(resolve))
      if (next() < 0.3) return { outcome: 'later', reason: 'status 500' } as const
      heard.set(room_id, [...(heard.get(room_id) ?? []), seq])
      return { outcome: 'sent' } as const
    },
  }
  const t = await createTwoNodes({ webhooks: [webhook], deliveries: stubborn })
  const rooms = await Promise.all(['one', 'two', 'three'].map((name) => t.mesh.rooms.create(t.ann, name)))
  const upTo = async (length: number) => {
    for (const { room_id } of rooms) {
      for (let n = 0; (heard.get(room_id)?.length ?? 0) < length && n < 300; n++) await passer(t.clock)(1)
      expect(heard.get(room_id)).toEqual(Array.from({ length }, (_, index) => index + 1))
    }
  }
  for (let n = 0; n < 20; n++) {
    const { mesh } = n % 2 ? t : t.other
    for (const { room_id } of rooms) await mesh.rooms.update('administrator', room_id, { name: `${n}` })
    if (n % 5 === 0) await passer(t.clock)(1)
  }
  await upTo(21)
})
