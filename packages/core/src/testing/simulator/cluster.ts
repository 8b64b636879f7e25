import { MeshError } from '../../errors.ts'
import { resolveLimits, type Limits } from '../../limits.ts'
import { createMemoryStorage } from '../../memory/storage.ts'
import { createMesh } from '../../mesh.ts'
import type { Mesh } from '../../mesh-api.ts'
import type { LogFields, Storage } from '../../ports/index.ts'
import { createBusLine } from './bus.ts'
import { checksum, createCheapKeyring } from './keyring.ts'
import { createNodeLife, type NodeLife } from './nodes.ts'
import { createRemoteStorage } from './storage.ts'
import type { World } from './world.ts'

/** A node with its engine. */
export interface Node extends NodeLife {
  readonly mesh: Mesh
}

/** The nodes of one installation: they share storage, bus and keys, and each may die and come back. */
export interface Cluster {
  /** What everybody's storage is behind its wrapper: for setting the scene and for looking at the end. */
  readonly storage: Storage
  /** The nodes that run, by their place; undefined where one is down. */
  readonly places: readonly (Node | undefined)[]
  readonly limits: Limits
  /** Sets the wall clock of a place, so far from the right time in milliseconds. */
  setClock(place: number, offset: number): void
  /** Logs a user in and returns the id of the login. */
  login(user_id: string): Promise<string>
  start(place: number): void
  /** Ends the node at a place as a power cut does. */
  crash(place: number): void
}

/** Short times, so that in the seconds of a run much of what takes time in a day happens. */
const unhurried = {
  resume_window_s: 6,
  position_check_s: 2,
  heartbeat_s: 3,
  pong_timeout_s: 2,
  hello_timeout_ms: 2_000,
  ring_ms: 3_000,
  p2p_answer_ms: 3_000,
  terminal_lease_ms: 3_000,
  token_warning_s: 4,
  token_grace_s: 2,
  frames: { burst: 1_000, per_s: 1_000 },
  offences: { burst: 10, per_s: 1 },
  classes: {
    sdp: { burst: 30, per_s: 10 },
    ice: { burst: 100, per_s: 100 },
    chat: { burst: 20, per_s: 5 },
    presence: { burst: 20, per_s: 5 },
    other: { burst: 40, per_s: 20 },
    capability: { burst: 40, per_s: 20 },
    terminal: { burst: 40, per_s: 20 },
    p2p: { burst: 40, per_s: 20 },
  },
}

/** So little is held for a peer that it soon is too much. */
const tight = {
  ...unhurried,
  socket_buffer_bytes: 1_000,
  queue_bytes: 8_000,
  kept_frames: 40,
  kept_bytes: 16_000,
  signal_ttl_ms: 1_000,
  stall_ms: 2_000,
}

const issuer = 'https://mesh.test'

/** @see Cluster */
export function createCluster(world: World): Cluster {
  const storage = createMemoryStorage()
  const line = createBusLine(world)
  const keys = createCheapKeyring()
  const limits = resolveLimits(world.plan.isTight ? tight : unhurried)
  const places: (Node | undefined)[] = []
  const lives: number[] = []
  const offsets: number[] = []

  const recordClock = ({ name, clock }: NodeLife) => world.record({ kind: 'clock', node: name, now: clock.now() })

  function engineOf(node: NodeLife): Mesh {
    const remote = createRemoteStorage(world, node, storage)
    return createMesh({
      storage: remote,
      issuer,
      capabilityKeys: keys,
      limits,
      bus: line.connect(node),
      clock: node.clock,
      ids: world.ids,
      digest: (text) => checksum(text).join('-'),
      logger: {
        debug() {},
        info() {},
        warn() {},
        error(fields: LogFields, message: string) {
          // That a storage which fails by plan takes no entry of the audit log is logged, and no fault.
          if (fields['code'] === 'UNAVAILABLE') return
          world.record({ kind: 'broken', node: node.name, what: `${message}: ${JSON.stringify(fields)}` })
        },
      },
      async authenticate({ token }) {
        if (token === undefined) throw new MeshError('AUTH_REQUIRED')
        const { user_id, sid, device_id, expires_at } = readToken(token)
        if (expires_at <= node.clock.now()) throw new MeshError('AUTH_EXPIRED')
        const user = await remote.users.find(user_id)
        const login = await remote.logins.find(sid)
        if (!user || user.disabled || !login || login.revoked_at !== null) throw new MeshError('AUTH_INVALID')
        return { user_id, username: user.username, sid, device_id, expires_at }
      },
    })
  }

  return {
    storage,
    limits,
    places,
    setClock(place, offset) {
      offsets[place] = offset
      const node = places[place]
      if (node) recordClock(node)
    },
    async login(user_id) {
      const sid = world.ids.id('sess')
      await storage.logins.create({
        sid,
        user_id,
        token_key: '',
        secret_hash: '',
        created_at: world.clock.now(),
        expires_at: Infinity,
      })
      return sid
    },
    start(place) {
      lives[place] = (lives[place] ?? 0) + 1
      const life = createNodeLife(world, `n${place}.${lives[place]}`, () => offsets[place] ?? 0)
      recordClock(life)
      const mesh = engineOf(life)
      world.record({ kind: 'begin', node: life.name, id: mesh.node })
      places[place] = Object.assign(life, { mesh })
    },
    crash(place) {
      places[place]?.end()
      places[place] = undefined
    },
  }
}

/** What an access token of a run says; it is no secret here. */
export interface Credentials {
  user_id: string
  sid: string
  device_id: string | undefined
  /** Milliseconds since 1970. */
  expires_at: number
}

/** Writes an access token. */
export function writeToken({ user_id, sid, device_id = '', expires_at }: Credentials): string {
  return [user_id, sid, device_id, expires_at].join('.')
}

function readToken(token: string): Credentials {
  const [user_id = '', sid = '', device_id = '', expires_at] = token.split('.')
  return { user_id, sid, device_id: device_id === '' ? undefined : device_id, expires_at: Number(expires_at) }
}
