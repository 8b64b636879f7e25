import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceMode } from '@mesh/core/testing'
import { gotify } from '@mesh/server/gotify'
import { expect, onTestFinished, test, vi } from 'vitest'
import { enrol } from './agent.ts'
import { createGotifyServer, type GotifyServer } from './gotify-server.ts'
import { quantile } from './nodes.ts'
import { createRig, sdp, type Account, type Rig, type Wire } from './support.ts'

const token = 'AbenSecretToken'
const eventually = { timeout: 15_000, interval: 20 }
/** As in production, but a hundred times as fast. */
const quick = {
  quietMs: 100,
  agentGraceMs: 300,
  pollMs: 20,
  retryMs: { first: 20, longest: 200 },
  breaker: { failures: 5, pauseMs: 200 },
}

interface Scene {
  rig: Rig
  service: GotifyServer
  room: string
  ana: Account
  ben: Account
  /** Ana, connected and in the room; Ben is away. */
  wire: Wire
  say(text: string): Promise<number>
  waiting(): Promise<number>
}

async function setUp(deliveries: object = {}, isTold = true): Promise<Scene> {
  const service = await createGotifyServer(token)
  onTestFinished(() => service.close())
  const settings = { ...quick, ...deliveries }
  const notifier = isTold ? gotify({ url: service.url }) : undefined
  const rig = await createRig({ notifier, deliveries: settings, limits: unhurried })
  onTestFinished(() => rig.close())
  const ana = await rig.account('ana')
  const ben = await rig.account('ben')
  const { body } = await rig.rest('POST', '/api/v1/rooms', { name: 'Lab' }, ana.access_token)
  const room = String(body.room_id)
  await rig.rest('PUT', `/api/v1/rooms/${room}/members/${ben.user_id}`, { role: 'member' }, ana.access_token)
  await rig.mesh.notifications.set(ben.user_id, token)
  const wire = await enter(rig, room, ana)
  return {
    rig,
    service,
    room,
    ana,
    ben,
    wire,
    async say(text) {
      const begun = performance.now()
      expect((await wire.ask('chat.message.send', room, { text })).type).toBe('chat.message.created')
      return performance.now() - begun
    },
    waiting: async () => (await rig.mesh.storage.deliveries.list({ limit: 99 })).length,
  }
}

/** Chat faster than people type. */
const unhurried = {
  frames: { burst: 1e9, per_s: 1e9 },
  bytes: { burst: 1e9, per_s: 1e9 },
  classes: { chat: { bytes: 4_096, burst: 1e9, per_s: 1e9 } },
}

async function enter(rig: Rig, room: string, account: Account): Promise<Wire> {
  const wire = await rig.open()
  await wire.hello(account.access_token)
  await wire.ask('room.join', room, {})
  return wire
}

test('a message for somebody who is away arrives once, with names and without a word of it', async () => {
  const { service, say, waiting } = await setUp()
  await say('the secret words')
  await vi.waitFor(() => expect(service.messages).toHaveLength(1), eventually)
  expect(service.messages).toEqual([{ token, title: 'New message in Lab', message: 'ana wrote in Lab.' }])
  await vi.waitFor(async () => expect(await waiting()).toBe(0), eventually)
  expect(service.messages).toHaveLength(1)
  expect(service.faults).toEqual([])
})

test('several messages are one notification; whoever is connected, or comes back in time, gets none', async () => {
  const { rig, service, room, ben, say, waiting } = await setUp({ quietMs: 1_000 })
  for (const text of ['one', 'two', 'three']) await say(text)
  await vi.waitFor(() => expect(service.messages).toHaveLength(1), eventually)
  expect(service.messages[0]?.message).toBe('3 new messages in Lab, from ana.')
  await say('four')
  const wire = await enter(rig, room, ben)
  await vi.waitFor(async () => expect(await waiting()).toBe(0), eventually)
  await say('five')
  await vi.waitFor(async () => expect(await waiting()).toBe(0), eventually)
  expect(service.messages).toHaveLength(1)
  wire.socket.terminate()
  await say('six')
  await vi.waitFor(() => expect(service.messages).toHaveLength(2), eventually)
})

test('each of the five things that people are told of', async () => {
  const { rig, service, room, ben, ana, wire, say } = await setUp({ quietMs: 2_000 })
  const agent = await (await enrol(rig, ben)).connect()
  const there = await enter(rig, room, ben)
  const { body } = await rig.rest(
    'POST',
    `/api/v1/rooms/${room}/capabilities`,
    { for: wire.peer_id, caps: ['call', 'share:file'] },
    ana.access_token,
  )
  const offer = (purpose: string, media?: string) => {
    const rtc_id = `rtc_${purpose.at(0)?.repeat(22)}`
    return { rtc_id, room_id: room, purpose, sdp: sdp(media), cap_token: body.token }
  }
  const share = offer('share:file', 'application')
  wire.send('rtc.offer', there.peer_id, share)
  await there.next('rtc.offer')
  there.send('rtc.answer', wire.peer_id, { rtc_id: share.rtc_id, sdp: share.sdp })
  await wire.next('rtc.answer')
  wire.send('rtc.bye', there.peer_id, { rtc_id: share.rtc_id, reason: 'completed' })
  await wire.next('share.completed')
  for (const { socket } of [there, agent]) socket.terminate()
  const isHere = () => [...rig.mesh.engine.peers.values()].some((of) => of.user_id === ben.user_id && !of.reconnecting)
  await vi.waitUntil(() => !isHere(), eventually)
  expect((await wire.ask('rtc.offer', ben.user_id, offer('call'))).code).toBe('UNROUTABLE')
  await wire.ask('terminal.share.start', room, { room_id: room, title: 'build' })
  await say('the secret words')
  await vi.waitFor(() => expect(service.messages).toHaveLength(5), eventually)
  expect(service.messages.map(({ title, message }) => `${title}: ${message}`).sort()).toEqual([
    'Agent offline: build machine is offline.',
    'Missed call: ana called you in Lab.',
    'New message in Lab: ana wrote in Lab.',
    'Share completed: A share from ana in Lab is complete.',
    'Terminal shared: ana shares a terminal in Lab.',
  ])
  expect(service.faults).toEqual([])
})

/** Each way of being unwell, and what is noted of it in the outbox. */
const unwell: readonly (readonly [ServiceMode, string])[] = [
  ['slow', ''],
  ['error', 'status 500'],
  ['busy', 'status 429'],
  ['redirect', 'status 302'],
  ['garbage', 'answer'],
  ['noise', 'network'],
  ['reset', 'network'],
  ['endless', 'answer'],
  ['hang', 'timeout'],
]

test(
  'whatever a service does chat takes what it takes without one, and once it is well all is told, and once',
  { timeout: 120_000 },
  async () => {
    const alone = await setUp({}, false)
    const { rig, service, say, waiting } = await setUp()
    const { deliveries } = rig.mesh.storage
    const block = async (one: Scene['say'], count: number) => {
      const took: number[] = []
      for (let n = 0; n < count; n++) took.push(await one('hello'))
      return took
    }
    for (const one of [alone.say, say]) await block(one, 100)
    let said = 100
    const none: number[] = []
    const figures: Record<string, { p50: number; p99: number; requests: number }> = {}
    for (const [mode, reason] of unwell) {
      service.mode = mode
      const { requests } = service
      // One of them is under way before the clock runs.
      await vi.waitFor(
        async () => (await say('hello'), said++, expect(service.requests).toBeGreaterThan(requests)),
        eventually,
      )
      none.push(...(await block(alone.say, 30)))
      const took = await block(say, 60)
      said += took.length
      if (reason !== '') {
        await vi.waitFor(
          async () => expect((await deliveries.list({ limit: 9 })).map((left) => left.reason)).toContain(reason),
          eventually,
        )
      }
      figures[mode] = { p50: quantile(took, 0.5), p99: quantile(took, 0.99), requests: service.requests - requests }
    }
    service.mode = 'well'
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 30_000, interval: 50 })
    const told = service.messages.map(({ message }) => (message.startsWith('ana') ? 1 : Number(message.split(' ')[0])))
    const sum = told.reduce((all, count) => all + count, 0)
    const usual = { p50: quantile(none, 0.5), p99: quantile(none, 0.99) }
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log('chat in ms', JSON.stringify({ none: usual, ...figures }), { said, told: sum, notices: told.length })
    for (const [mode, { p50 }] of Object.entries(figures)) {
      expect([mode, p50 < usual.p50 * 2 + 5]).toEqual([mode, true])
    }
    expect(sum).toBe(said)
    expect(await deliveries.dead({ limit: 9 })).toEqual([])
    expect(service.faults).toEqual([])
  },
)

test('a service that fails again and again is left alone for a while, and the host can see it', async () => {
  const { rig, service, say } = await setUp({
    breaker: { failures: 3, pauseMs: 60_000 },
    retryMs: { first: 1, longest: 1 },
  })
  service.mode = 'error'
  await say('hello')
  await vi.waitFor(() => expect(rig.mesh.engine.pausedDeliveries()).toEqual(['notify']), eventually)
  const { requests } = service
  await say('again')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect([requests, service.requests]).toEqual([3, 3])
})

test('what is refused, or too old, is among the dead letters', async () => {
  const { rig, service, say, waiting } = await setUp({ giveUpMs: 200 })
  service.mode = 'refuse'
  await say('hello')
  const dead = () => rig.mesh.storage.deliveries.dead({ limit: 9 })
  await vi.waitFor(async () => expect(await dead()).toHaveLength(1), eventually)
  expect((await dead())[0]).toMatchObject({ kind: 'chat', reason: 'status 401', attempts: 1, count: 1 })
  service.mode = 'error'
  await say('hello')
  await vi.waitFor(async () => expect(await dead()).toHaveLength(2), eventually)
  expect((await dead())[0]).toMatchObject({ kind: 'chat', reason: 'status 500' })
  expect(await waiting()).toBe(0)
})

test('an agent that stays away is told of, and one that comes back is not', async () => {
  const { rig, service, ben } = await setUp()
  const agent = await enrol(rig, ben)
  const first = await agent.connect()
  first.socket.terminate()
  await first.closed
  const second = await agent.connect()
  await vi.waitFor(async () => expect(await rig.mesh.storage.deliveries.list({ limit: 9 })).toEqual([]), eventually)
  expect(service.messages).toEqual([])
  second.socket.terminate()
  await vi.waitFor(() => expect(service.messages).toHaveLength(1), eventually)
  expect(service.messages[0]).toEqual({ token, title: 'Agent offline', message: 'build machine is offline.' })
})

test('no token is in the database or the log in clear, and the key is beside the signing keys', async () => {
  const { rig, ben } = await setUp()
  const { user_id } = ben
  const target = await rig.mesh.storage.notifyTargets.find(user_id)
  expect(target?.sealed).toMatch(/^v1\./)
  for (const file of await readdir(rig.dataDir)) {
    expect((await readFile(join(rig.dataDir, file))).includes(token), file).toBe(false)
  }
  expect(await readdir(rig.dataDir)).toContain('notify.key')
  // What is sealed for one is of no use for another.
  const ana = (await rig.account('eve')).user_id
  await rig.mesh.storage.notifyTargets.put({ user_id: ana, sealed: target?.sealed ?? '', updated_at: 0 })
  await expect(rig.mesh.notifications.test(ana)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await rig.mesh.notifications.test(user_id)).toEqual({ outcome: 'sent' })
})
