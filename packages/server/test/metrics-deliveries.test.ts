import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMemoryStorage, type Storage } from '@mesh/core'
import { gotify } from '@mesh/server/gotify'
import { registerMetrics } from '@mesh/server/metrics'
import { Registry } from 'prom-client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createGotifyServer } from './gotify-server.ts'
import { createRig } from './support.ts'

const eventually = { timeout: 10_000, interval: 20 }

/** Ana alone in a room with Ben, who has a token, and Cleo, who has none; a webhook hears of it all. */
async function setUp(storage: Storage) {
  const service = await createGotifyServer('ben')
  onTestFinished(() => service.close())
  const host = createServer((request, response) => void request.resume().on('end', () => response.end()))
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void host.close())
  const rig = await createRig({
    storage,
    authenticate: ({ token }) => (token === undefined ? undefined : { id: token, name: token }),
    notifier: gotify({ url: service.url }),
    webhooks: [
      { url: `http://127.0.0.1:${(host.address() as AddressInfo).port}`, secret: 'x'.repeat(24), name: 'crm' },
    ],
    deliveries: {
      quietMs: 50,
      pollMs: 20,
      retryMs: { first: 20, longest: 20 },
      breaker: { failures: 3, pauseMs: 60_000 },
    },
  })
  onTestFinished(() => rig.close())
  const [ana = '', ben = '', cleo = ''] = await Promise.all(
    ['ana', 'ben', 'cleo'].map(async (id) => (await rig.mesh.tokens.mint({ user: { id, name: id } })).user_id),
  )
  const { room_id } = await rig.mesh.rooms.create(ana, 'Lab')
  for (const user_id of [ben, cleo]) await rig.mesh.rooms.setMember('administrator', room_id, user_id, 'member')
  await rig.mesh.notifications.set(ben, 'ben')
  const wire = await rig.open()
  await wire.hello('ana')
  await wire.ask('room.join', room_id, {})
  const registry = new Registry()
  registerMetrics(rig.mesh, registry)
  return {
    service,
    say: () => wire.ask('chat.message.send', room_id, { text: 'hello' }),
    async scrape() {
      const lines = (await registry.metrics()).split('\n').filter((line) => /^mesh_(outbox|notif|webhook)/.test(line))
      return Object.fromEntries(
        lines.map((line) => [line.replace(/ .*/, '').slice(5), Number(line.replace(/.* /, ''))]),
      )
    },
  }
}

test('deliveries are told: what came of each attempt, what waits, what was given up, and which service is left alone', async () => {
  const { service, say, scrape } = await setUp(createMemoryStorage())
  const nothing = {
    'notifications_total{result="sent"}': 0,
    'notifications_total{result="unaddressed"}': 0,
    'notifications_total{result="later"}': 0,
    'notifications_total{result="refused"}': 0,
    'webhook_posts_total{result="later"}': 0,
    'outbox_waiting{channel="notify"}': 0,
    'outbox_waiting{channel="webhook:crm"}': 0,
    'outbox_dead_letters{channel="notify"}': 0,
    'outbox_dead_letters{channel="webhook:crm"}': 0,
    'outbox_paused{channel="notify"}': 0,
    'outbox_paused{channel="webhook:crm"}': 0,
  }
  // The webhook has heard of the room and its members by then.
  let posts = 3
  const told = (values: object) =>
    vi.waitFor(
      async () =>
        expect(await scrape()).toEqual({ ...nothing, 'webhook_posts_total{result="sent"}': posts, ...values }),
      eventually,
    )
  await told({})
  await say()
  posts++
  const once = { 'notifications_total{result="sent"}': 1, 'notifications_total{result="unaddressed"}': 1 }
  await told(once)
  service.mode = 'refuse'
  await say()
  posts++
  const refused = {
    'notifications_total{result="sent"}': 1,
    'notifications_total{result="unaddressed"}': 2,
    'notifications_total{result="refused"}': 1,
    'outbox_dead_letters{channel="notify"}': 1,
  }
  await told(refused)
  service.mode = 'error'
  await say()
  posts++
  await told({
    ...refused,
    'notifications_total{result="unaddressed"}': 3,
    'notifications_total{result="later"}': 3,
    'outbox_waiting{channel="notify"}': 1,
    'outbox_paused{channel="notify"}': 1,
  })
})

test('with a storage that does not answer all but the outbox is told, within about a second', async () => {
  const storage = createMemoryStorage()
  const { scrape } = await setUp(storage)
  const { deliveries } = storage
  for (const backlog of [() => new Promise<never>(() => {}), () => Promise.reject(new Error('away'))]) {
    Object.assign(deliveries, { backlog })
    const begun = performance.now()
    const names = Object.keys(await scrape()).map((name) => name.replace(/\{.*/, ''))
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect(new Set(names)).toEqual(new Set(['notifications_total', 'webhook_posts_total', 'outbox_paused']))
  }
})
