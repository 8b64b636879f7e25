import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gotify } from '@mesh/server/gotify'
import { expect, onTestFinished, test, vi } from 'vitest'
import { enrol } from './agent.ts'
import { createGotifyServer, type GotifyServer, type Mode } from './gotify-server.ts'
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

test('a missed call, a shared terminal and an agent that stays away', async () => {
  const { rig, service, room, ben, ana, wire } = await setUp()
  const { body } = await rig.rest(
    'POST',
    `/api/v1/rooms/${room}/capabilities`,
    { for: wire.peer_id, caps: ['call'] },
    ana.access_token,
  )
  const offer = { rtc_id: `rtc_${'a'.repeat(22)}`, room_id: room, purpose: 'call', sdp: sdp(), cap_token: body.token }
  const answer = await wire.ask('rtc.offer', ben.user_id, offer)
  expect(answer.code).toBe('UNROUTABLE')
  await wire.ask('terminal.share.start', room, { room_id: room, title: 'build' })
  await vi.waitFor(() => expect(service.messages).toHaveLength(2), eventually)
  expect(service.messages.map(({ message }) => message).sort()).toEqual([
    'ana called you in Lab.',
    'ana shares a terminal in Lab.',
  ])
  expect(service.faults).toEqual([])
})

test.each<[Mode, string]>([
  ['error', 'status 500'],
  ['busy', 'status 429'],
  ['redirect', 'status 302'],
  ['garbage', 'answer'],
  ['hang', 'timeout'],
  ['endless', 'answer'],
])(
  'a service that answers with %s holds up nobody, and gets everything once it is well',
  { timeout: 60_000 },
  async (mode, reason) => {
    const { rig, service, say, waiting } = await setUp()
    service.mode = mode
    const took: number[] = []
    for (let n = 0; n < 20; n++) took.push(await say('hello'))
    await vi.waitFor(
      async () =>
        expect((await rig.mesh.storage.deliveries.list({ limit: 9 })).map((left) => left.reason)).toContain(reason),
      eventually,
    )
    expect(service.messages).toEqual([])
    service.mode = 'well'
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 30_000, interval: 50 })
    // All that was said is told of, in few notifications, and nothing twice.
    const told = service.messages.map(({ message }) =>
      message.startsWith('ana wrote') ? 1 : Number(message.split(' ')[0]),
    )
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(20)
    expect(await rig.mesh.storage.deliveries.dead({ limit: 9 })).toEqual([])
  },
)

test('a slow service is no reason to be slow: chat takes what it takes without one', { timeout: 60_000 }, async () => {
  const p50 = (took: number[]) => took.sort((a, b) => a - b)[Math.floor(took.length / 2)] ?? NaN
  const measure = async (mode: Mode | 'none') => {
    const { service, say } = await setUp({ quietMs: 0 }, mode !== 'none')
    if (mode !== 'none') service.mode = mode
    for (let n = 0; n < 300; n++) await say('warm')
    const took: number[] = []
    for (let n = 0; n < 300; n++) took.push(await say('hello'))
    return p50(took)
  }
  const figures = { none: await measure('none'), hang: await measure('hang'), slow: await measure('slow') }
  // oxlint-disable-next-line no-console -- the figures are the point
  console.log('chat p50 in ms', JSON.stringify(figures))
  expect(figures.hang).toBeLessThan(figures.none * 2 + 5)
  expect(figures.slow).toBeLessThan(figures.none * 2 + 5)
})

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
