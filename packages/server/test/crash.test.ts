import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMesh } from '@mesh/server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { open } from './support.ts'

const rounds = 50
const password = 'correct horse battery staple'
const limits = JSON.stringify({
  classes: { chat: { burst: 100_000, per_s: 100_000 } },
  frames: { burst: 100_000, per_s: 100_000 },
})

let dataDir: string
let room: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mesh-crash-'))
  const mesh = await createMesh({ dataDir })
  const { user_id } = await mesh.accounts.create({ username: 'ann', password })
  room = (await mesh.rooms.create(user_id, 'Burst')).room_id
  await mesh.close()
})

afterAll(() => rm(dataDir, { recursive: true, force: true }))

/** Starts the real standalone server as a process of its own. */
async function start(): Promise<{ child: ChildProcess; base: string; died: Promise<void> }> {
  const file = new URL('../bin/mesh-server.mjs', import.meta.url).pathname
  const child = spawn(process.execPath, [file], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, MESH_DATA_DIR: dataDir, MESH_PORT: '0', MESH_LIMITS: limits },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const died = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { url?: string }
    if (url) return { child, base: url, died }
  }
  throw new Error('The server did not start')
}

async function login(base: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ username: 'ann', password })
  const response = await fetch(`${base}/api/v1/auth/login`, { method: 'POST', headers, body })
  return ((await response.json()) as { access_token: string }).access_token
}

it(`loses no acknowledged message in ${rounds} kills in the middle of a burst`, { timeout: 300_000 }, async () => {
  const acknowledged = new Map<string, string>()
  let token = ''
  let sent = 0
  for (let round = 0; round < rounds; round++) {
    const { child, base, died } = await start()
    // A token outlives the server: the login is stored and the keys are the same.
    token ||= await login(base)
    const client = await open(`${base.replace('http', 'ws')}/ws`)
    await client.hello(token)
    await client.ask('room.join', room, {})
    const texts = new Map<string, string>()
    client.socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as {
        reply_to?: string
        type: string
        payload: { message_id: string; text: string }
      }
      if (frame.type === 'chat.message.created' && frame.reply_to)
        acknowledged.set(frame.payload.message_id, frame.payload.text)
    })
    const kill = sleep(20 + Math.random() * 100).then(() => child.kill('SIGKILL'))
    for (let i = 0; client.socket.readyState === client.socket.OPEN && i < 100; i++) {
      const text = `${round}/${i}`
      texts.set(client.send('chat.message.send', room, { text }), text)
      sent++
      if (i % 10 === 9) await sleep(2)
    }
    await kill
    await died
  }

  const { child, base, died } = await start()
  const found = new Map<string, string>()
  const seqs: number[] = []
  for (let after = 0; ;) {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${base}/api/v1/rooms/${room}/events?after=${after}&limit=1000`, { headers })
    const page = (await response.json()) as {
      data: { seq: number; type: string; payload: Record<string, string> }[]
      next?: number
    }
    for (const { seq, type, payload } of page.data) {
      seqs.push(seq)
      if (type === 'chat.message.created') found.set(String(payload.message_id), String(payload.text))
    }
    if (page.next === undefined) break
    after = page.next
  }
  child.kill('SIGTERM')
  await died

  const lost = [...acknowledged].filter(([id, text]) => found.get(id) !== text)
  const texts = [...found.values()]
  // oxlint-disable-next-line no-console -- the figures are the point
  console.log(
    `${rounds} kills: ${sent} sent, ${acknowledged.size} acknowledged, ${found.size} stored, ${lost.length} lost`,
  )
  expect(acknowledged.size).toBeGreaterThan(rounds)
  expect(lost).toEqual([])
  expect(new Set(texts).size).toBe(texts.length)
  expect(seqs).toEqual(seqs.map((_, index) => index + 1))
})
