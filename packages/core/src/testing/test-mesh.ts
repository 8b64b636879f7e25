import type { Role } from '../acl.ts'
import { toInstant } from '../encoder.ts'
import { randomIds } from '../ids.ts'
import { resolveLimits } from '../limits.ts'
import { MeshError } from '../errors.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import { createMesh } from '../mesh.ts'
import type { Mesh, MeshOptions } from '../mesh-api.ts'
import { systemClock, type Storage } from '../ports/index.ts'
import { issueAccess, verifyAccess } from '../tokens/access.ts'
import type { Keyring } from '../tokens/keyring.ts'
import { createKeyring, generateSigningKey } from '../tokens/keys.ts'
import type { Connection, OutboundFrame } from '../transport.ts'

/** A frame as a client sees it. */
export interface Frame {
  type: string
  id: string
  timestamp: string
  from: string
  to: string
  reply_to?: string
  code?: string
  message?: string
  payload: Record<string, unknown>
}

/** What a frame says that its sender does not choose by itself. */
interface Overrides {
  id?: string | undefined
  timestamp?: string
  from?: string
}

/** A bare client inside the process: it sends what it is told to and keeps all it gets, and knows nothing of the protocol. */
export interface TestClient {
  readonly frames: Frame[]
  /** The code and reason of the close, once closed. */
  readonly closed: { code: number; reason: string } | undefined
  /** The peer id, once welcomed. */
  readonly peer_id: string
  /** Sends an event and returns its id. */
  send(type: string, to: string, payload: object, overrides?: Overrides): string
  /** Sends text as it is. */
  raw(text: string): void
  /** Sends an event and waits for the frame that answers it, an error included. */
  ask(type: string, to: string, payload: object, overrides?: Overrides): Promise<Frame>
  /** Waits for the next frame that fits, those already there included; each is found once. */
  next(fits: string | ((frame: Frame) => boolean)): Promise<Frame>
  /** What the transport would tell the engine. */
  readonly connection: Connection
  /** The end of the engine: raise `bufferedAmount` to read slowly, `received` for what is below the protocol. */
  readonly socket: { bufferedAmount: number; received: number }
  /** Goes away without a word. */
  vanish(): void
}

/** An engine in memory with users, keys and clients, for tests of what is built on Mesh. */
export interface TestMesh {
  readonly mesh: Mesh
  readonly storage: Storage
  readonly issuer: string
  readonly capabilityKeys: Keyring
  /** Adds a user and returns its id. */
  user(name: string): Promise<string>
  /** Adds a room with its owner, and members. */
  room(owner: string, members?: Record<string, Role>): Promise<string>
  readonly accessKeys: Keyring
  /** An access token for a user, issued at a time or now, for a device or a certain login where told. */
  token(user_id: string, options?: number | TokenOptions): Promise<string>
  /** Opens a connection without a hello, with an Authorization header where given. */
  open(authorization?: string): TestClient
  /** Opens a connection and says hello for a user. */
  connect(user_id: string, options?: TokenOptions): Promise<TestClient>
}

/** What an access token is to say besides the user. */
export interface TokenOptions {
  /** When it is issued, milliseconds since 1970. */
  at?: number
  /** How long it lives, in seconds. */
  life_s?: number
  device_id?: string
  sid?: string
}

/** What of an engine may be put in place of the test's own; limits may be a part of them. */
export type TestMeshOptions = Partial<Omit<MeshOptions, 'limits'>> & { limits?: object }

const issuer = 'https://mesh.test'

/** @see TestMesh */
export async function createTestMesh(options: TestMeshOptions = {}): Promise<TestMesh> {
  const storage = options.storage ?? createMemoryStorage()
  const ids = options.ids ?? randomIds
  const { now } = options.clock ?? systemClock
  const accessKeys = await createKeyring([await generateSigningKey()])
  const capabilityKeys = options.capabilityKeys ?? (await createKeyring([await generateSigningKey()]))
  const mesh = createMesh({
    async authenticate({ token }) {
      if (token === undefined) throw new MeshError('AUTH_REQUIRED')
      const { sub, sid, kid, device_id, iat, exp } = await verifyAccess(token, { keys: accessKeys, issuer, now: now() })
      const user = await storage.users.find(sub)
      return {
        user_id: sub,
        username: user?.username ?? sub,
        sid,
        kid,
        device_id,
        issued_at: iat * 1000,
        expires_at: exp * 1000,
      }
    },
    ...options,
    storage,
    issuer,
    capabilityKeys,
    limits: resolveLimits(options.limits),
  })

  const token: TestMesh['token'] = async (user_id, options = {}) => {
    const asked = typeof options === 'number' ? { at: options } : options
    const { at = now(), sid = ids.id('sess'), device_id, life_s } = asked
    return (await issueAccess(accessKeys, { issuer, user_id, sid, device_id, jti: ids.uuid(), now: at, life_s })).token
  }

  function open(authorization?: string): TestClient {
    const frames: Frame[] = []
    const waiters = new Set<() => void>()
    const seen = new Set<Frame>()
    let closed: TestClient['closed']
    const socket = {
      bufferedAmount: 0,
      received: 0,
      send({ text }: OutboundFrame) {
        // What the engine wrote is an envelope; tests look into it as they like.
        frames.push(JSON.parse(text) as Frame)
        for (const wake of waiters) wake()
      },
      close(code: number, reason: string) {
        closed = { code, reason }
        for (const wake of waiters) wake()
      },
    }
    const headers = { get: (name: string) => (name === 'authorization' ? (authorization ?? null) : null) }
    const connection = mesh.accept(socket, { url: `${issuer}/ws`, headers, address: '127.0.0.1' })

    function next(fits: string | ((frame: Frame) => boolean)): Promise<Frame> {
      const wanted = typeof fits === 'string' ? (frame: Frame) => frame.type === fits : fits
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = frames.find((frame) => !seen.has(frame) && wanted(frame))
          if (!found && !closed) return
          waiters.delete(look)
          if (!found) return reject(new Error(`closed with ${closed?.code} while waiting`))
          seen.add(found)
          resolve(found)
        }
        waiters.add(look)
        look()
      })
    }

    const client: TestClient = {
      frames,
      connection,
      socket,
      next,
      get closed() {
        return closed
      },
      get peer_id() {
        return String(frames.find((frame) => frame.type === 'system.welcome')?.payload.peer_id)
      },
      raw(text) {
        const { length } = new TextEncoder().encode(text)
        socket.received += length
        connection.message(text, length)
      },
      send(type, to, payload, overrides = {}) {
        const { id = ids.uuid() } = overrides
        client.raw(JSON.stringify({ type, timestamp: toInstant(now()), to, payload, ...overrides, id }))
        return id
      },
      ask(type, to, payload, overrides = {}) {
        const id = client.send(type, to, payload, overrides)
        return next((frame) => frame.reply_to === id)
      },
      vanish() {
        closed ??= { code: 1006, reason: '' }
        connection.closed()
        for (const wake of waiters) wake()
      },
    }
    return client
  }

  return {
    mesh,
    storage,
    issuer,
    accessKeys,
    capabilityKeys,
    token,
    open,
    async user(username) {
      const user_id = ids.id('usr')
      const account = { hashed_password: null, admin: false, disabled: false, created_at: now() }
      await storage.users.create({ user_id, username, ...account })
      return user_id
    },
    async room(owner, members = {}) {
      const { room_id } = await mesh.rooms.create(owner, 'Room')
      for (const [user_id, role] of Object.entries(members))
        await mesh.rooms.setMember('administrator', room_id, user_id, role)
      return room_id
    },
    async connect(user_id, options) {
      const client = open()
      const welcome = await client.ask('system.hello', 'server', { token: await token(user_id, options) })
      if (welcome.type !== 'system.welcome') throw new Error(`no welcome but ${welcome.code}`)
      return client
    },
  }
}
