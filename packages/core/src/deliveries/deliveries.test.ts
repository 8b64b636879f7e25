import { expect, test } from 'vitest'
import type { Notice, RoomEvent } from '../ports/index.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import { createWorld, join } from '../testing/kit.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { createRandom } from '../testing/simulator/random.ts'
import { createTestMesh, type TestClient } from '../testing/test-mesh.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'
import type { DeliverySettings } from './settings.ts'

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

/** Lets seconds pass, and everything happen that they bring. */
const passer = (clock: { advance(ms: number): void }) => async (seconds: number) => {
  for (let n = 0; n < seconds; n++) {
    clock.advance(1_000)
    await quiet()
  }
}

/** Two nodes on one storage that tell the same service. */
async function setUp(deliveries: Partial<DeliverySettings> = {}) {
  const told: Notice[] = []
  const service = { isWell: true }
  const notifier = {
    async send(notice: Notice) {
      if (!service.isWell) return { outcome: 'later', reason: 'status 500' } as const
      told.push(notice)
      return { outcome: 'sent' } as const
    },
  }
  const t = await createTwoNodes({ notifier, deliveries })
  return {
    ...t,
    told,
    service,
    pass: passer(t.clock),
  }
}

test('of two nodes one tells, after the quiet time, and only who is connected to neither', async () => {
  const t = await setUp()
  const ann = await t.enter(t.ann)
  // In no room, and on the other node.
  await t.other.connect(t.bob)
  await ann.ask('chat.message.send', t.room, { text: 'hello' })
  await t.pass(9)
  expect(t.told).toEqual([])
  await t.pass(8)
  expect(t.told.map(({ user_id }) => user_id)).toEqual([t.cleo])
  expect(await t.storage.deliveries.list({ limit: 9 })).toEqual([])
})

test('while the other nodes cannot be asked who is there, nobody is told; afterwards who is away is', async () => {
  const t = await setUp()
  const ann = await t.enter(t.ann)
  await t.other.connect(t.bob)
  await ann.ask('chat.message.send', t.room, { text: 'hello' })
  t.line.cut(true)
  await t.pass(20)
  expect(t.told).toEqual([])
  t.line.cut(false)
  await t.pass(15)
  expect(t.told.map(({ user_id }) => user_id)).toEqual([t.cleo])
})

test('an outage between the question and the answer is no answer', async () => {
  const t = await setUp()
  const ann = await t.enter(t.ann)
  await t.other.connect(t.bob)
  await ann.ask('chat.message.send', t.room, { text: 'hello' })
  for (let n = 0; n < 140 && t.told.length === 0; n++) {
    // Never up for as long as an answer takes to be given up.
    t.line.cut(true)
    t.line.cut(false)
    t.clock.advance(100)
    await quiet()
  }
  expect(t.told).toEqual([])
})

test('whoever joins after the first of several messages is told of those since, and of no others', async () => {
  const t = await setUp()
  const ann = await t.enter(t.ann)
  const say = (text: string) => ann.ask('chat.message.send', t.room, { text })
  await say('before')
  await t.setRole(t.dan, 'guest')
  await say('one')
  await say('two')
  const eve = await t.user('eve')
  await t.setRole(eve, 'member')
  await t.pass(12)
  const textFor = (user_id: string) => t.told.filter((notice) => notice.user_id === user_id).map(({ text }) => text)
  expect(textFor(t.bob)).toEqual(['3 new messages in Room, from ann.'])
  expect(textFor(t.dan)).toEqual(['2 new messages in Room, from ann.'])
  expect(textFor(eve)).toEqual([])
})

test('what is said while it is looked up who is away is told to newcomers as well', async () => {
  const t = await setUp()
  const ann = await t.enter(t.ann)
  const say = (text: string) => ann.ask('chat.message.send', t.room, { text })
  await say('before')
  await t.setRole(t.dan, 'guest')
  await t.pass(10)
  // The other node has 300 ms to say who is there, of which none has passed.
  await say('meanwhile')
  await t.pass(12)
  const textFor = (user_id: string) => t.told.filter((notice) => notice.user_id === user_id).map(({ text }) => text)
  expect(textFor(t.bob)).toEqual(['2 new messages in Room, from ann.'])
  expect(textFor(t.dan)).toEqual(['ann wrote in Room.'])
})

test('a node whose clock is off goes by the one that the nodes have in common', async () => {
  const clock = createManualClock()
  const ahead = createManualClock(clock.now() + 600_000)
  const storage = { ...createMemoryStorage(), now: clock.now }
  const told: string[] = []
  const notifier = {
    async send({ user_id }: Notice) {
      told.push(user_id)
      return { outcome: 'sent' } as const
    },
  }
  const t = await createWorld({ storage, clock, notifier, deliveries: { isActive: false } })
  const pass = passer({
    advance(ms) {
      clock.advance(ms)
      ahead.advance(ms)
    },
  })
  const other = await createTestMesh({ storage, clock: ahead, notifier })
  const say = async (text: string, client: Promise<TestClient>) =>
    (await client).ask('chat.message.send', t.room, { text })
  await say('hello', t.enter(t.ann))
  await pass(9)
  expect(told).toEqual([])
  await pass(2)
  expect(told.sort()).toEqual([t.bob, t.cleo].sort())
  const client = await other.connect(t.ann)
  await join(client, t.room)
  await client.ask('chat.message.send', t.room, { text: 'from the other' })
  expect(await storage.deliveries.next('notify')).toBe(clock.now() + 10_000)
})

test('what others or the newcomer said since is nothing that the newcomer missed of somebody', async () => {
  const t = await setUp()
  const ann = await t.enter(t.ann)
  await ann.ask('chat.message.send', t.room, { text: 'before' })
  await t.setRole(t.dan, 'guest')
  const dan = await t.enter(t.dan)
  await dan.ask('chat.message.send', t.room, { text: 'hello' })
  dan.vanish()
  await t.pass(12)
  expect(t.told.filter(({ user_id }) => user_id === t.dan)).toEqual([])
})

test('whoever is no longer a member is not told what happened in that room, and is of others', async () => {
  const t = await setUp(stubborn)
  const { room_id: second } = await t.mesh.rooms.create(t.ann, 'Second')
  await t.mesh.rooms.setMember('administrator', second, t.bob, 'member')
  t.service.isWell = false
  const ann = await t.enter(t.ann)
  await join(ann, second)
  for (const room of [t.room, second]) await ann.ask('chat.message.send', room, { text: 'hello' })
  await t.pass(12)
  expect(t.told).toEqual([])
  await t.remove(t.bob)
  t.service.isWell = true
  await t.pass(3)
  expect(t.told.filter(({ user_id }) => user_id === t.bob).map(({ text }) => text)).toEqual(['ann wrote in Second.'])
})

test('what joined a notification that is too old is told of for as long as anything else', async () => {
  const t = await setUp(stubborn)
  const ann = await t.enter(t.ann)
  t.service.isWell = false
  await ann.ask('chat.message.send', t.room, { text: 'old' })
  await t.pass(25)
  await ann.ask('chat.message.send', t.room, { text: 'new' })
  await t.pass(25)
  t.service.isWell = true
  await t.pass(3)
  expect(t.told.map(({ text }) => text)).toContain('2 new messages in Room, from ann.')
  expect(await t.storage.deliveries.dead({ limit: 9 })).toEqual([])
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
