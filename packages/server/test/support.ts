import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMesh, toNodeHandler, type MeshServer, type MeshServerOptions } from '@mesh/server'
import { WebSocket, type ClientOptions } from 'ws'
import { createAnswerCheck, createFrameCheck } from './published.ts'

/** A frame as it stands on the wire. */
export interface Frame {
  type: string
  id: string
  from: string
  to: string
  reply_to?: string
  code?: string
  payload: Record<string, unknown>
}

/** A server on a free port with a data directory of its own. */
export interface Rig {
  mesh: MeshServer
  base: string
  dataDir: string
  /** Makes an account and logs in over REST. */
  account(name: string): Promise<Account>
  /** Logs in over REST once more, to an account that was made so. */
  login(name: string): Promise<Account>
  /** One REST call; its answer has to be as the server's own OpenAPI document says. */
  rest(
    method: string,
    path: string,
    body?: object,
    token?: string,
  ): Promise<{ status: number; body: Record<string, unknown> }>
  open(options?: ClientOptions & { path?: string }): Promise<Wire>
  close(): Promise<void>
}

export interface Account {
  user_id: string
  access_token: string
  refresh_token: string
}

/** A client that speaks plain WebSocket and nothing else. Every frame it gets has to be as the published schemas say. */
export interface Wire {
  socket: WebSocket
  frames: Frame[]
  peer_id: string
  closed: Promise<number>
  send(type: string, to: string, payload: object, overrides?: object): string
  ask(type: string, to: string, payload: object, overrides?: object): Promise<Frame>
  next(fits: string | ((frame: Frame) => boolean)): Promise<Frame>
  /** Says hello; resolves with the welcome or the error. */
  hello(token?: string): Promise<Frame>
}

const password = 'correct horse battery staple'

/** Starts a server for a test. */
export async function createRig(options: Partial<MeshServerOptions> = {}): Promise<Rig> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-test-'))
  const mesh = await createMesh({ dataDir, ...options })
  const server: Server = createServer(toNodeHandler(mesh))
  mesh.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`

  const openapi = await fetch(`${base}${options.basePath ?? ''}/api/v1/openapi.json`)
  const check = createAnswerCheck(await openapi.json())

  const rest: Rig['rest'] = async (method, path, body, token) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    if (body) headers['content-type'] = 'application/json'
    const response = await fetch(`${base}${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
    const text = await response.text()
    const answer = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
    check(method, path, response.status, answer)
    return { status: response.status, body: answer }
  }

  const login: Rig['login'] = async (username) => {
    const { status, body } = await rest('POST', '/api/v1/auth/login', { username, password })
    if (status !== 200) throw new Error(`${username} is not logged in but answered ${status}`)
    const { user_id } = body.user as { user_id: string }
    return { user_id, access_token: String(body.access_token), refresh_token: String(body.refresh_token) }
  }

  return {
    mesh,
    base,
    dataDir,
    rest,
    login,
    async account(username) {
      await mesh.accounts.create({ username, password })
      return login(username)
    },
    open: ({ path = '/ws', ...options } = {}) => open(`${base.replace('http', 'ws')}${path}`, options),
    async close() {
      await mesh.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

const checkFrame = createFrameCheck()

/** Opens a socket. @throws Error with the HTTP status when the upgrade is refused */
export function open(url: string, options: ClientOptions = {}): Promise<Wire> {
  const socket = new WebSocket(url, 'mesh.v1', options)
  const frames: Frame[] = []
  const seen = new Set<Frame>()
  const waiting = new Set<() => void>()
  const closed = new Promise<number>((resolve) => socket.on('close', (code) => resolve(code)))
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as Frame
    // Thrown from here it fails the run, whichever test it is.
    checkFrame(frame)
    frames.push(frame)
    for (const wake of waiting) wake()
  })
  const wire: Wire = {
    socket,
    frames,
    closed,
    get peer_id() {
      return String(frames.find((frame) => frame.type === 'system.welcome')?.payload.peer_id)
    },
    send(type, to, payload, overrides = {}) {
      const id = randomUUID()
      socket.send(JSON.stringify({ type, id, timestamp: new Date().toISOString(), to, payload, ...overrides }))
      return id
    },
    ask(type, to, payload, overrides) {
      const id = wire.send(type, to, payload, overrides)
      return wire.next((frame) => frame.reply_to === id)
    },
    next(fits) {
      const wanted = typeof fits === 'string' ? (frame: Frame) => frame.type === fits : fits
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = frames.find((frame) => !seen.has(frame) && wanted(frame))
          if (!found) return
          waiting.delete(look)
          seen.add(found)
          resolve(found)
        }
        waiting.add(look)
        void closed.then((code) => reject(new Error(`closed with ${code} while waiting`)))
        look()
      })
    },
    hello: (token) => wire.ask('system.hello', 'server', token === undefined ? {} : { token }),
  }
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(wire))
    socket.on('error', reject)
  })
}

/** The least that passes for a session description with media of one kind. */
export function sdp(media = 'audio'): string {
  const fingerprint = Array(32).fill('AB').join(':')
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${fingerprint}\r\nm=${media} 9 UDP/TLS/RTP/SAVPF 0\r\n`
}
