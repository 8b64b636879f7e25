import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'

let child: ChildProcess
let base = ''
let dataDir = ''

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mesh-embed-'))
  const file = new URL('../server.ts', import.meta.url).pathname
  child = spawn(process.execPath, ['--conditions=@mesh/source', file], {
    env: { ...process.env, PORT: '0', DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout! })) {
    base = line
    break
  }
})

afterAll(async () => {
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
  await rm(dataDir, { recursive: true })
})

async function login(name: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${base}/login`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ name, password: name }),
  })
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}

interface Frame {
  type: string
  code?: string
  from: string
  payload: Record<string, unknown>
}

/** A client with the application's cookie and nothing of Mesh's. */
async function connect(cookie: string | undefined, origin?: string) {
  const headers = cookie === undefined ? {} : { cookie }
  const socket = new WebSocket(`${base.replace('http', 'ws')}/mesh/ws`, 'mesh.v1', {
    headers,
    ...(origin ? { origin } : {}),
  })
  const frames: Frame[] = []
  const waiting: (() => void)[] = []
  socket.on('message', (data) => {
    frames.push(JSON.parse(String(data)) as Frame)
    for (const wake of waiting.splice(0)) wake()
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return {
    socket,
    send: (type: string, to: string, payload: object) =>
      socket.send(JSON.stringify({ type, id: crypto.randomUUID(), timestamp: new Date().toISOString(), to, payload })),
    async next(type: string): Promise<Frame> {
      for (;;) {
        const at = frames.findIndex((frame) => frame.type === type)
        if (at !== -1) return frames.splice(at, 1)[0]!
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
  }
}

it("lets the application's own users chat over Mesh, without a second login", async () => {
  const [carol, dave] = [await connect(await login('carol')), await connect(await login('dave'))]
  const rooms = await fetch(`${base}/mesh/api/v1/rooms`, { headers: { cookie: await login('carol') } })
  const { data } = (await rooms.json()) as { data: { room_id: string }[] }
  const room = data[0]!.room_id
  for (const client of [carol, dave]) {
    client.send('system.hello', 'server', {})
    await client.next('system.welcome')
    client.send('room.join', room, {})
    await client.next('room.joined')
  }
  carol.send('chat.message.send', room, { text: 'hello dave' })
  expect((await dave.next('chat.message.created')).payload).toMatchObject({ text: 'hello dave' })
  carol.socket.close(1000, 'leave')
  expect((await dave.next('room.left')).payload).toMatchObject({ reason: 'left' })
  dave.socket.close()
})

it('knows nobody without the cookie, and no page of another origin', async () => {
  const stranger = await connect(undefined)
  stranger.send('system.hello', 'server', {})
  expect(await stranger.next('error')).toMatchObject({ code: 'AUTH_REQUIRED' })
  expect((await fetch(`${base}/mesh/api/v1/rooms`)).status).toBe(401)
  await expect(connect(await login('carol'), 'https://evil.example')).rejects.toThrow('403')
})

it("leaves the application's own routes and WebSocket alone", async () => {
  const hello = await fetch(`${base}/hello`, { headers: { cookie: await login('dave') } })
  expect(await hello.json()).toEqual({ hello: 'dave' })
  const news = new WebSocket(`${base.replace('http', 'ws')}/news`)
  const greeting = await new Promise((resolve) => news.once('message', (data) => resolve(String(data))))
  expect(greeting).toBe('welcome to the news')
  news.close()
})
