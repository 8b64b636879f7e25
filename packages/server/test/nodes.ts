import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { randomBytes } from 'node:crypto'
import { createMesh } from '@mesh/server'
import { postgres } from '@mesh/server/postgres'
import { expect } from 'vitest'
import type { AgentHost } from './agent.ts'
import { atEnd } from './ends.ts'
import type { createOwnRedis } from './own-redis.ts'
import { open, sdp, type Frame, type Wire } from './support.ts'
import { createTcpProxy } from './tcp-proxy.ts'

const password = 'correct horse battery staple'
const often = { burst: 100_000, per_s: 100_000 }
const classes = ['sdp', 'ice', 'chat', 'presence', 'capability', 'p2p', 'terminal', 'other'] as const
const limits = JSON.stringify({
  frames: often,
  classes: Object.fromEntries(classes.map((name) => [name, often])),
  attempts: { handshake: often },
  connections_per_user: 50,
  rtc_sessions: 1_000,
})

/** Somebody with an account. */
export interface Person {
  user_id: string
  token: string
}

/** Several standalone servers on one database and one Redis, behind one address. */
export interface Nodes {
  readonly base: string
  readonly room: string
  readonly people: Record<'ann' | 'bob' | 'cleo', Person>
  readonly children: readonly ChildProcess[]
  /** Whether all of them live. */
  areLive(): boolean
  /** Kills one with SIGKILL. */
  kill(node: number): Promise<void>
  /** Starts one again that has been killed, as it was. */
  start(node: number): Promise<void>
  /** Logs in again. */
  login(who: keyof Nodes['people']): Promise<void>
  /** Connects to one of the nodes, through the one address. */
  connect(who: keyof Nodes['people'], node: number): Promise<Wire>
  /** Connects and enters the room. */
  enter(who: keyof Nodes['people'], node: number): Promise<Wire>
  /** One of the nodes, for whoever has to say hello in another way. */
  host(node: number): AgentHost
  /** One REST call to a node. @returns its status */
  rest(node: number, method: string, path: string, body?: object): Promise<number>
}

/**
 * Starts them. They are stopped, and their files gone, after the tests of this file.
 *
 * @param envOf What is different about a node: its own way to the database, say
 * @param register Where to register their end, where that has to be sooner: `onTestFinished`
 */
export async function createNodes(
  count: number,
  databaseUrl: string,
  { url: redisUrl }: Awaited<ReturnType<typeof createOwnRedis>>,
  envOf: (node: number) => Record<string, string> = () => ({}),
  register: (end: () => Promise<void>) => void = atEnd,
): Promise<Nodes> {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-nodes-'))
  const keysDir = join(folder, 'keys')
  const proxy = await createTcpProxy()
  const base = `http://127.0.0.1:${proxy.port}`

  const mesh = await createMesh({ dataDir: keysDir, storage: await postgres(databaseUrl), publicUrl: base })
  const names = ['ann', 'bob', 'cleo'] as const
  const users: { user_id: string }[] = []
  for (const username of names)
    users.push(await mesh.accounts.create({ username, password, admin: username === 'ann' }))
  const [ann, ...others] = users.map(({ user_id }) => user_id)
  const { room_id: room } = await mesh.rooms.create(ann ?? '', 'Several nodes')
  for (const user_id of others) await mesh.rooms.setMember('administrator', room, user_id, 'member')
  await mesh.rooms.update('administrator', room, {
    policy: { caps: { member: ['call', 'share:file', 'terminal:control'] } },
  })
  await mesh.close()

  const children: ChildProcess[] = []
  const ports: number[] = []
  register(async () => {
    await Promise.all(children.map((_, node) => kill(node)))
    await proxy.close()
    await rm(folder, { recursive: true, force: true })
  })
  await Promise.all(Array.from({ length: count }, (_, node) => start(node)))

  async function start(node: number): Promise<void> {
    const child = spawn(process.execPath, [new URL('../bin/mesh-server.mjs', import.meta.url).pathname], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        MESH_DATA_DIR: join(folder, `node-${node}`),
        MESH_KEYS_DIR: keysDir,
        MESH_DATABASE_URL: databaseUrl,
        MESH_REDIS_URL: redisUrl,
        MESH_PUBLIC_URL: base,
        MESH_PORT: '0',
        MESH_LIMITS: limits,
        ...envOf(node),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children[node] = child
    const lines = createInterface({ input: child.stdout })
    const url = await new Promise<string>((resolve, reject) => {
      child.once('exit', () => reject(new Error('The server did not start')))
      lines.on('line', (line) => {
        const { url } = JSON.parse(line) as { url?: string }
        if (url !== undefined) resolve(url)
      })
    })
    ports[node] = Number(new URL(url).port)
  }

  async function kill(node: number): Promise<void> {
    const child = children[node]
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async function rest(node: number, method: string, path: string, body?: object, token?: string) {
    const response = await fetch(`http://127.0.0.1:${ports[node]}/api/v1${path}`, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }

  // Filled in at once.
  const people = {} as Nodes['people']
  async function login(username: keyof Nodes['people']): Promise<void> {
    const { text } = await rest(0, 'POST', '/auth/login', { username, password })
    const { access_token, user } = JSON.parse(text) as { access_token: string; user: { user_id: string } }
    people[username] = { user_id: user.user_id, token: access_token }
  }
  for (const name of names) await login(name)

  const nodes: Nodes = {
    base,
    room,
    people,
    login,
    children,
    areLive: () => children.every(({ exitCode, signalCode }) => exitCode === null && signalCode === null),
    kill,
    start,
    host: (node) => ({
      mesh: { issuer: base },
      async rest(method, path, body, token) {
        const { status, text } = await rest(node, method, path.replace('/api/v1', ''), body, token)
        return { status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
      },
      open() {
        proxy.targets = ports.slice(node, node + 1)
        return open(`${base.replace('http', 'ws')}/ws`)
      },
    }),
    async connect(who, node) {
      const wire = await nodes.host(node).open()
      await wire.hello(people[who].token)
      return wire
    },
    async enter(who, node) {
      const wire = await nodes.connect(who, node)
      const joined = await wire.ask('room.join', room, {})
      if (joined.type !== 'room.joined') throw new Error(`${who} is not let in: ${joined.code}`)
      return wire
    },
    rest: async (node, method, path, body) => (await rest(node, method, path, body, people.ann.token)).status,
  }
  return nodes
}

/** A capability token. */
export async function grant(wire: Wire, room_id: string, caps: string[], target = {}): Promise<string> {
  const { payload } = await wire.ask('capability.request', 'server', { room_id, caps, ...target })
  return String(payload.token)
}

export const newRtcId = () => `rtc_${randomBytes(16).toString('base64url')}`

/** What begins a call, and its id. */
export async function offerOf(from: Wire, room_id: string) {
  return { rtc_id: newRtcId(), room_id, purpose: 'call', sdp: sdp(), cap_token: await grant(from, room_id, ['call']) }
}

/** Begins a call; what came of it: the offer there, or the error here. */
export async function ring(from: Wire, to: Wire, room_id: string): Promise<Frame> {
  const offer = await offerOf(from, room_id)
  const id = from.send('rtc.offer', to.peer_id, offer)
  return Promise.race([
    from.next((frame) => frame.reply_to === id),
    to.next(({ type, payload }) => type === 'rtc.offer' && payload.rtc_id === offer.rtc_id),
  ])
}

/** The value below which so much of all lies. */
export function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? NaN
}

/** Says something; how long until it is seen by another, in milliseconds. */
export async function chat(room_id: string, text: string, from: Wire, to: Wire): Promise<number> {
  const begun = performance.now()
  expect((await from.ask('chat.message.send', room_id, { text })).type).toBe('chat.message.created')
  await to.next(({ type, payload }) => type === 'chat.message.created' && payload.text === text)
  return since(begun)
}

/** Nobody missed anything that is stored, and messages came once each, in order. */
export function expectGapless({ frames }: Wire): void {
  const seqs = (some: readonly Frame[]) =>
    some.flatMap(({ payload: { seq } }) => (typeof seq === 'number' ? [seq] : []))
  const chat = seqs(frames.filter(({ type }) => type === 'chat.message.created'))
  expect(chat).toEqual([...new Set(chat)].sort((a, b) => a - b))
  // Who joins is told where the room stands; the count of a missed call may rise after the fact.
  const all = [...new Set(seqs(frames.filter(({ type }) => type !== 'room.joined')))].sort((a, b) => a - b)
  expect(all).toEqual(all.map((_, index) => (all[0] ?? 0) + index))
}

/** How long ago that was, in milliseconds. */
export const since = (begun: number) => Math.round(performance.now() - begun)

// oxlint-disable-next-line no-console -- the figures are the point
export const say = (text: string) => console.log(text)
