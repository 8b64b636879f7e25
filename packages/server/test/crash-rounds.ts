import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMesh } from '@mesh/server'
import { expect, onTestFinished } from 'vitest'
import type { Storage } from '@mesh/core'
import { open } from './support.ts'

const password = 'correct horse battery staple'
const limits = JSON.stringify({
  classes: { chat: { burst: 100_000, per_s: 100_000 } },
  frames: { burst: 100_000, per_s: 100_000 },
})

interface StoredEvent {
  seq: number
  type: string
  payload: Record<string, string>
}

/**
 * Kills the real standalone server in the middle of a burst of messages and changes of membership, again and again, and holds
 * what is stored in the end against what was acknowledged. Prints the figures.
 *
 * @param env What tells the server which database it has, beside its data directory
 * @param openStorage The same database, to be filled before the first start; none for the SQLite file in the data directory
 */
export async function crash(rounds: number, env: Record<string, string> = {}, openStorage?: () => Promise<Storage>) {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-crash-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const mesh = await createMesh({ dataDir, ...(openStorage && { storage: await openStorage() }) })
  const ann = await mesh.accounts.create({ username: 'ann', password, admin: true })
  const ben = await mesh.accounts.create({ username: 'ben', password })
  const room = (await mesh.rooms.create(ann.user_id, 'Burst')).room_id
  await mesh.close()

  const messages = new Map<string, string>()
  /** Memberships that were made and ended, and how often that was acknowledged and asked for. */
  const memberships = { acknowledged: 0, asked: 0 }
  let token = ''
  let sent = 0
  for (let round = 0; round < rounds; round++) {
    const { child, base, died } = await start(dataDir, env)
    // A token outlives the server: the login is stored and the keys are the same.
    token ||= await login(base)
    const client = await open(`${base.replace('http', 'ws')}/ws`)
    await client.hello(token)
    await client.ask('room.join', room, {})
    client.socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as { reply_to?: string; type: string; payload: Record<string, string> }
      if (frame.type !== 'chat.message.created' || frame.reply_to === undefined) return
      messages.set(String(frame.payload.message_id), String(frame.payload.text))
    })
    const alive = () => client.socket.readyState === client.socket.OPEN
    const kill = sleep(20 + Math.random() * 180).then(() => child.kill('SIGKILL'))
    const members = (async () => {
      // What is so already would be acknowledged and change nothing.
      for (let add = (await membersOf(base, room, token)) === 1; alive(); add = !add) {
        memberships.asked++
        if (await changeMember(base, room, ben.user_id, token, add)) memberships.acknowledged++
      }
    })()
    for (let i = 0; alive() && i < 100; i++) {
      client.send('chat.message.send', room, { text: `${round}/${i}` })
      sent++
      if (i % 10 === 9) await sleep(2)
    }
    await Promise.all([kill, died, members])
  }

  const { child, base, died } = await start(dataDir, env)
  const events = await readEvents(base, room, token)
  const members = await membersOf(base, room, token)
  child.kill('SIGTERM')
  await died

  const found = events.filter(({ type }) => type === 'chat.message.created').map(({ payload }) => payload)
  const texts = new Map(found.map(({ message_id, text }) => [String(message_id), String(text)]))
  const lost = [...messages].filter(([id, text]) => texts.get(id) !== text)
  const changes = events.filter(({ type }) => type === 'room.member.added' || type === 'room.member.removed')
  // oxlint-disable-next-line no-console -- the figures are the point
  console.log(
    `${rounds} kills: ${sent} messages sent, ${messages.size} acknowledged, ${found.length} stored, ${lost.length} lost, ` +
      `${found.length - new Set(texts.values()).size} twice; ` +
      `${memberships.asked} membership changes asked for, ${memberships.acknowledged} acknowledged, ${changes.length} stored`,
  )
  expect(messages.size).toBeGreaterThan(rounds)
  expect(lost).toEqual([])
  expect(new Set(texts.values()).size).toBe(found.length)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  expect(changes.length).toBeGreaterThanOrEqual(memberships.acknowledged)
  expect(changes.length).toBeLessThanOrEqual(memberships.asked)
  // Each change takes turns with the one before it, and the log ends as the members are.
  const turns = changes.map(({ type }) => type === 'room.member.added')
  expect(turns).toEqual(turns.map((_, index) => index % 2 === 0))
  expect(members).toBe(turns.at(-1) === true ? 2 : 1)
}

async function start(dataDir: string, env: Record<string, string>) {
  const file = new URL('../bin/mesh-server.mjs', import.meta.url).pathname
  const child: ChildProcess = spawn(process.execPath, [file], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, MESH_DATA_DIR: dataDir, MESH_PORT: '0', MESH_LIMITS: limits, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const died = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      const { url } = JSON.parse(line) as { url?: string }
      if (url) return { child, base: url, died }
    }
  }
  throw new Error('The server did not start')
}

async function login(base: string): Promise<string> {
  const { body } = await call(base, 'POST', '/auth/login', undefined, { username: 'ann', password })
  return (body as { access_token: string }).access_token
}

/** How many members the room has; none where the server is gone. */
async function membersOf(base: string, room: string, token: string): Promise<number> {
  const { body } = await call(base, 'GET', `/rooms/${room}/members`, token).catch(() => ({ body: { data: [] } }))
  return (body as { data: unknown[] }).data.length
}

/** Whether a change of membership was acknowledged. */
async function changeMember(base: string, room: string, user: string, token: string, add: boolean): Promise<boolean> {
  const path = `/rooms/${room}/members/${user}`
  const asked = add ? call(base, 'PUT', path, token, { role: 'member' }) : call(base, 'DELETE', path, token)
  return asked.then(
    ({ status }) => status < 300,
    () => false,
  )
}

async function readEvents(base: string, room: string, token: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after: number | undefined = 0; after !== undefined;) {
    const { body } = await call(base, 'GET', `/rooms/${room}/events?after=${after}&limit=1000`, token)
    const page = body as { data: StoredEvent[]; next?: number }
    events.push(...page.data)
    after = page.next
  }
  return events
}

async function call(base: string, method: string, path: string, token?: string, body?: object) {
  const headers = {
    ...(token && { authorization: `Bearer ${token}` }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const response = await fetch(`${base}/api/v1${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as unknown }
}
