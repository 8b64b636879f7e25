import { expect, test } from 'vitest'
import { createCounts } from '../counts.ts'
import { randomIds } from '../ids.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import { silentLogger, type Notice } from '../ports/index.ts'
import { createWorld, join, type World } from '../testing/kit.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { createTestMesh, type TestClient } from '../testing/test-mesh.ts'
import { createTwoNodes, passer, quiet } from '../testing/two-nodes.ts'
import { createDeliveries } from './deliveries.ts'
import type { DeliverySettings } from './settings.ts'

/** Gives up after 40 s, and until then tries each second. */
const stubborn = {
  giveUpMs: 40_000,
  retryMs: { first: 1_000, longest: 1_000 },
  breaker: { failures: 1e9, pauseMs: 1 },
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

/** One node, and what it tells. */
async function createTold(options: Parameters<typeof createWorld>[0] = {}): Promise<World & Told> {
  const told: Notice[] = []
  const notifier = {
    async send(notice: Notice) {
      told.push(notice)
      return { outcome: 'sent' } as const
    },
  }
  const t = await createWorld({ ...options, notifier })
  return { ...t, told, pass: passer(t.clock) }
}

interface Told {
  told: Notice[]
  pass(seconds: number): Promise<void>
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

test('nobody is told who came back, or may not come any more, while the service did not take it', async () => {
  const t = await setUp(stubborn)
  await t.setRole(t.dan, 'guest')
  t.service.isWell = false
  const ann = await t.enter(t.ann)
  await ann.ask('chat.message.send', t.room, { text: 'hello' })
  await t.pass(12)
  await t.other.connect(t.bob)
  await t.storage.users.update(t.cleo, { disabled: true })
  t.service.isWell = true
  await t.pass(3)
  expect(t.told.map(({ user_id }) => user_id)).toEqual([t.dan])
  expect(await t.storage.deliveries.list({ limit: 9 })).toEqual([])
})

test('a newcomer is told of what came after an earlier notification, and of nothing twice', async () => {
  const storage = createMemoryStorage()
  const { before } = storage.events
  const t = await createTold({ storage })
  const ann = await t.enter(t.ann)
  const say = (text: string) => ann.ask('chat.message.send', t.room, { text })
  await say('an earlier one')
  await t.pass(12)
  await say('before')
  await t.setRole(t.dan, 'guest')
  await say('after')
  storage.events.before = async (...args) => {
    storage.events.before = before
    await say('while the log is read')
    return before(...args)
  }
  await t.pass(12)
  expect(t.told.filter(({ user_id }) => user_id === t.dan).map(({ text }) => text)).toEqual([
    '2 new messages in Room, from ann.',
  ])
})

test('between the devices of one user nobody is told', async () => {
  const t = await createTold()
  const share = (to_user_id: string) => ({
    ...{ id: `to ${to_user_id}`, type: 'share.completed', from: 'server', at: t.clock.now() },
    payload: { from_user_id: t.bob, to_user_id },
  })
  const { storage } = createDeliveries({
    ...{ storage: t.storage, clock: t.clock, ids: randomIds, random: Math.random, logger: silentLogger },
    ...{ counts: createCounts(), webhooks: [], settings: { isActive: false } },
    notifier: { send: async () => ({ outcome: 'sent' }) },
    isConnected: async () => false,
  })
  for (const to of [t.bob, t.cleo]) await storage.events.append(t.room, share(to), { user_id: t.bob })
  expect((await storage.deliveries.list({ limit: 9 })).map(({ to_id }) => to_id)).toEqual([t.cleo])
})

test('an owner hears of an agent that is gone for half a minute, not of one that comes back; a stop waits for the note', async () => {
  const t = await createTold()
  const device = { device_id: `dev_${'b'.repeat(22)}`, name: 'builder', public_key: 'x', jkt: 'thumbprint' }
  const span = { created_at: t.clock.now(), expires_at: t.clock.now() + 1e9 }
  await t.storage.enrolments.create({ code_hash: 'x', user_id: t.bob, ...span }, 9)
  await t.storage.enrolments.redeem('x', { ...device, ...span }, 9)
  const connect = () => t.connect(t.bob, device)
  ;(await connect()).vanish()
  await t.pass(25)
  const back = await connect()
  await t.pass(20)
  back.vanish()
  await t.pass(29)
  expect(t.told).toEqual([])
  await t.pass(3)
  expect(t.told.map(({ user_id, text }) => [user_id, text])).toEqual([[t.bob, 'builder is offline.']])

  const { add } = t.storage.deliveries
  let isNoted = false
  t.storage.deliveries.add = async (...args) => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    await add(...args)
    isNoted = true
  }
  await connect()
  await t.mesh.close()
  expect(isNoted).toBe(true)
})
