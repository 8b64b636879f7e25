import { capabilities, capsOf, type RoomPolicy, type Role } from './acl.ts'
import { createBoundedMap } from './bounded-map.ts'
import type { ClassBuckets } from './bucket.ts'
import { createCapabilityCheck } from './capabilities/check.ts'
import { createGrant, type Grant } from './capabilities/grant.ts'
import { createCapabilities } from './capabilities/handlers.ts'
import { createMayHold } from './capabilities/policy.ts'
import { createChat } from './chat/handlers.ts'
import type { Area, Engine, HandledType, Handlers, Peer } from './context.ts'
import { createEncoder } from './encoder.ts'
import type { CloseReason } from './errors.ts'
import { createHub } from './hub.ts'
import { randomIds, sha256, type Ids } from './ids.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { createMemoryBus } from './memory/bus.ts'
import {
  silentLogger,
  systemClock,
  type Bus,
  type Clock,
  type Logger,
  type RoomEvent,
  type Storage,
} from './ports/index.ts'
import { createPresence } from './presence/handlers.ts'
import { shownPresence } from './presence/state.ts'
import { createRepeats } from './repeats.ts'
import { createRooms } from './rooms/handlers.ts'
import { createRoomService, type Rooms } from './rooms/service.ts'
import { createRouter } from './router.ts'
import { createRtc } from './rtc/handlers.ts'
import { createSession, type Authenticate, type Session } from './session.ts'
import { createSystem } from './system/handlers.ts'
import type { Selector } from './selector.ts'
import type { Keyring } from './tokens/keyring.ts'
import type { Connection, ConnectionRequest, MeshSocket } from './transport.ts'

/** What the engine is made of. Everything but storage, keys, issuer and authentication has a sensible default. */
export interface MeshOptions {
  storage: Storage
  /** Signs capability tokens and verifies them. */
  capabilityKeys: Keyring
  /** The `iss` and `aud` of every token: the public URL of this installation. */
  issuer: string
  authenticate: Authenticate
  bus?: Bus
  clock?: Clock
  ids?: Ids
  logger?: Logger
  limits?: Limits
  /** SHA-256 of a text, URL-safe; WebCrypto's unless told, which resolves later. */
  digest?: (text: string) => string | Promise<string>
  /** The host application's own capability words; owners and members may ask for them. */
  extraCaps?: readonly string[]
}

/** The engine: one door for connections, and what the host may do in process. */
export interface Mesh {
  readonly limits: Limits
  readonly rooms: Rooms
  /** Decides on requests for capability tokens. */
  readonly grant: Grant
  /** The connected peers of this node. */
  readonly peers: ReadonlyMap<string, Peer>
  /** Whether another connection may be opened from an address now. */
  admit(address: string): 'ok' | 'too_many' | 'unavailable'
  /** Takes a connection. The transport reports what happens to it through what this returns. */
  accept(socket: MeshSocket, request: ConnectionRequest): Connection
  /** Closes connections at once, with 4101 unless told; returns how many. */
  disconnect(which: Selector, reason?: CloseReason): number
  /**
   * Revokes a signing key at once: its capability tokens are good for nothing any more, what they opened is ended, and
   * connections whose access token it signed are closed with 4101; returns how many of those. A ring of access keys of
   * the host's own is the host's to revoke from, before it calls this.
   */
  revokeKey(kid: string): number
  /** Tells clients to come back later, each at another time within `ms`, then closes what is left. */
  drain(ms: number): Promise<void>
  /** Closes every connection and stops. Storage and bus belong to whoever made them. */
  close(): Promise<void>
}

const answered = { answered: true } as const
const areas = ['chat', 'presence', 'rtc']

/** Builds the engine. */
export function createMesh(options: MeshOptions): Mesh {
  const {
    storage,
    issuer,
    capabilityKeys: keys,
    bus = createMemoryBus(),
    clock = systemClock,
    ids = randomIds,
    logger = silentLogger,
    limits = defaultLimits,
    digest = sha256,
    extraCaps = [],
  } = options
  const encoder = createEncoder({ clock, ids })
  const capsFor = (role: Role, policy: RoomPolicy) => capsOf(role, policy, extraCaps)
  const knownCaps = [...capabilities, ...extraCaps]
  const parts: Area<never>[] = []
  const hub = createHub({
    storage,
    clock,
    encoder,
    announce: (event) => bus.publish('events', JSON.stringify(event)),
    hooks: {
      left: (occupant, cause) => parts.forEach((part) => part.left?.(occupant, cause)),
      restricted: (occupant, cause) => parts.forEach((part) => part.restricted?.(occupant, cause)),
    },
  })
  const mayHold = createMayHold({ capsOf: capsFor, peers: hub.peers })
  const check = createCapabilityCheck({ keys, issuer, clock, mayHold })
  const engine: Engine = {
    ...hub,
    ...check,
    answered,
    digest,
    storage,
    clock,
    ids,
    limits,
    logger,
    issuer,
    capsOf: capsFor,
    mayHold,
  }
  const grant = createGrant({ keys, issuer, clock, ids, mayHold, isKnown: (cap) => knownCaps.includes(cap) })

  const presence = createPresence(engine)
  const rtc = createRtc(engine)
  parts.push(rtc)
  const handlers: Handlers<HandledType> = {
    ...createSystem().handlers,
    ...createRooms(engine, { announce: presence.announce, show: shownPresence }).handlers,
    ...presence.handlers,
    ...createChat(engine).handlers,
    ...createCapabilities(grant).handlers,
    ...rtc.handlers,
  }

  const buckets = createBoundedMap<string, ClassBuckets>(100_000)
  const context = {
    clock,
    ids,
    limits,
    logger,
    hub,
    encoder,
    router: createRouter(engine, handlers, createRepeats()),
    authenticate: options.authenticate,
    features: areas,
    bucketsOf(identity: string): ClassBuckets {
      const own = buckets.get(identity) ?? {}
      buckets.set(identity, own)
      return own
    },
  }

  const sessions = new Set<Session>()
  const fromAddress = new Map<string, { all: number; unauthenticated: number }>()
  let unauthenticated = 0
  let closing = false

  const unsubscribe = [
    // What another node stored: the payload was written by the same code.
    bus.subscribe('events', (message) => hub.apply(JSON.parse(message) as RoomEvent)),
    bus.subscribe('deleted', (room_id) => hub.close(room_id)),
  ]

  // One sweep a second over all connections costs less than a timer for each of them.
  let stopTicking = clock.after(1000, tick)
  function tick(): void {
    for (const session of sessions) session.tick()
    stopTicking = clock.after(1000, tick)
  }

  function count(address: string, all: number, waiting: number): void {
    const counts = fromAddress.get(address) ?? { all: 0, unauthenticated: 0 }
    counts.all += all
    counts.unauthenticated += waiting
    unauthenticated += waiting
    if (counts.all > 0) fromAddress.set(address, counts)
    else fromAddress.delete(address)
  }

  const disconnect: Mesh['disconnect'] = (which, reason = 'revoked') =>
    [...sessions].filter((session) => session.disconnect(which, reason)).length

  return {
    limits,
    grant,
    disconnect,
    peers: hub.peers,
    rooms: createRoomService({
      ...engine,
      knownCaps,
      closeRoom(room_id) {
        hub.close(room_id)
        bus.publish('deleted', room_id)
      },
    }),

    admit(address) {
      if (closing) return 'unavailable'
      const counts = fromAddress.get(address)
      const isFull =
        unauthenticated >= limits.unauthenticated ||
        (counts?.unauthenticated ?? 0) >= limits.unauthenticated_per_address ||
        (counts?.all ?? 0) >= limits.connections_per_address
      return isFull ? 'too_many' : 'ok'
    },

    accept(socket, request) {
      const { address } = request
      let waiting = true
      const welcomed = () => {
        if (waiting) count(address, 0, -1)
        waiting = false
      }
      count(address, 1, 1)
      const session = createSession({ ...context, welcomed }, socket, request, () => {
        sessions.delete(session)
        welcomed()
        count(address, -1, 0)
      })
      sessions.add(session)
      if (closing) session.close('drain')
      return session
    },

    revokeKey(kid) {
      keys.revoke(kid)
      for (const part of parts) part.keyRevoked?.(kid)
      return disconnect({ kid })
    },

    async drain(ms) {
      closing = true
      const peers = [...hub.peers.values()]
      peers.forEach((peer, index) =>
        hub.tell(peer, 'system.draining', { reconnect_after_ms: Math.floor((ms * index) / peers.length) }),
      )
      if (peers.length > 0 && ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve))
      for (const session of [...sessions]) session.close('drain')
    },

    async close() {
      closing = true
      stopTicking()
      for (const end of unsubscribe) end()
      for (const session of [...sessions]) session.close('drain')
    },
  }
}
