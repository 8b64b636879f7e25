import { capabilities, capsOf, type RoomPolicy, type Role } from './acl.ts'
import { createAccessWatch } from './access-watch.ts'
import { createAddressCounts } from './addresses.ts'
import { createAudit, type Audit } from './audit.ts'
import { createAdmission } from './admission.ts'
import { createDecide, type Authorize } from './authorize.ts'
import { createBoundedMap } from './bounded-map.ts'
import { Allowance } from './bucket.ts'
import { createCapabilityCheck } from './capabilities/check.ts'
import { createGrant, type Grant } from './capabilities/grant.ts'
import { createCapabilities } from './capabilities/handlers.ts'
import { createIceServers, type IceServers } from './capabilities/ice-servers.ts'
import { createDeviceOwners } from './capabilities/owners.ts'
import { createMayHold } from './capabilities/policy.ts'
import { createChat } from './chat/handlers.ts'
import { createCluster } from './cluster/cluster.ts'
import { createWhereabouts } from './cluster/whereabouts.ts'
import { countEvent, createCounts } from './counts.ts'
import { Connection, type Authenticate, type ConnectionHost, type Revalidate } from './connection.ts'
import type { Area, Engine, HandledType, Handlers, Peer } from './context.ts'
import { createDeliveries } from './deliveries/deliveries.ts'
import type { DeliverySettings } from './deliveries/settings.ts'
import { drain } from './drain.ts'
import { createEncoder, toInstant } from './encoder.ts'
import type { CloseReason } from './errors.ts'
import { createEventListeners, type EventListeners } from './event-listeners.ts'
import { createHub, type Hub } from './hub.ts'
import { randomIds, sha256, type Ids } from './ids.ts'
import { createLastSeen } from './last-seen.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { createMemoryBus } from './memory/bus.ts'
import {
  silentLogger,
  systemClock,
  type Bus,
  type Clock,
  type Logger,
  type Notifier,
  type RoomEvent,
  type Storage,
  type Turn,
  type Webhook,
} from './ports/index.ts'
import { createP2p } from './p2p/handlers.ts'
import { createPresence } from './presence/handlers.ts'
import { shownPresence } from './presence/state.ts'
import { createRepeats } from './repeats.ts'
import { createRooms } from './rooms/handlers.ts'
import { createInvites, type Invites } from './rooms/invites.ts'
import { createRoomService, type Rooms } from './rooms/service.ts'
import { createRoomWrites } from './rooms/writes.ts'
import { createRouter } from './router.ts'
import { createRtc } from './rtc/handlers.ts'
import type { Session } from './session.ts'
import { createShares } from './shares.ts'
import { readStats, type Stats } from './stats.ts'
import { createSystem } from './system/handlers.ts'
import { createTerminals } from './terminal/handlers.ts'
import { shownTerminals } from './terminal/state.ts'
import { isMeant, type Selector } from './selector.ts'
import { targetsOf } from './targets.ts'
import type { Keyring } from './tokens/keyring.ts'
import type { Connection as TransportConnection, ConnectionRequest, MeshSocket } from './transport.ts'

/** What the engine is made of. Everything but storage, keys, issuer and authentication has a sensible default. */
export interface MeshOptions {
  storage: Storage
  /** Signs capability tokens and verifies them. */
  capabilityKeys: Keyring
  /** The `iss` and `aud` of every token: the public URL of this installation. */
  issuer: string
  authenticate: Authenticate
  revalidate?: Revalidate | undefined
  /** May overrule who may what; asked where {@link AuthorizeAction} says, and never about a frame that is passed on. */
  authorize?: Authorize | undefined
  bus?: Bus
  clock?: Clock
  ids?: Ids
  logger?: Logger
  limits?: Limits
  /** SHA-256 of a text, URL-safe; WebCrypto's unless told, which resolves later. */
  digest?: (text: string) => string | Promise<string>
  /** The host application's own capability words; owners and members may ask for them. */
  extraCaps?: readonly string[]
  /** The STUN and TURN servers that go with capabilities. */
  turn?: Turn | undefined
  /** Tells people what happens while they are away. */
  notifier?: Notifier | undefined
  /** Services that hear of every durable event. */
  webhooks?: readonly Webhook[] | undefined
  /** How notifications and webhooks are timed and bounded, where it is not as by default. */
  deliveries?: Partial<DeliverySettings> | undefined
}

/** The engine: one door for connections, and what the host may do in process. */
export interface Mesh {
  /** The name of this node among those of the installation. */
  readonly node: string
  readonly limits: Limits
  readonly rooms: Rooms
  readonly invites: Invites
  /** Decides on requests for capability tokens. */
  readonly grant: Grant
  /** Notes a decision in the audit log. */
  readonly audit: Audit
  /** Hands out fresh STUN and TURN servers for a capability token. */
  readonly renewIceServers: IceServers['renew']
  /** The connected peers of this node. */
  readonly peers: ReadonlyMap<string, Peer>
  /** How it is doing, for whoever watches. This looks at every peer once, and costs nobody anything in between. */
  stats(): Stats
  /** Whether clients are being sent elsewhere, before a stop. */
  readonly isDraining: boolean
  /** Whether the other nodes are heard, as far as is known. */
  readonly isBusUp: boolean
  /** Whether another connection may be opened from an address now; to be asked once for each, since it counts. */
  admit(address: string): 'ok' | 'too_many' | 'unavailable'
  /** Takes a connection. The transport reports what happens to it through what this returns. */
  accept(socket: MeshSocket, request: ConnectionRequest): TransportConnection
  /**
   * Hears of every durable event of a type, `*` for all, that this node stores, once the room has been told; of several
   * nodes exactly one hears of an event. The returned function ends it.
   */
  readonly on: EventListeners['on']
  /** The channels of notifications and webhooks whose service is left alone just now, since it fails again and again. */
  pausedDeliveries(): string[]
  /** Closes connections on every node at once, with 4101 unless told; returns how many on this one. */
  disconnect(which: Selector, reason?: CloseReason): number
  /**
   * Revokes a signing key at once: its capability tokens are good for nothing any more, what they opened is ended, and
   * connections whose access token it signed are closed with 4101; returns how many of those. A ring of access keys of
   * the host's own is the host's to revoke from, before it calls this.
   */
  revokeKey(kid: string): number
  /** Takes no more connections, sends clients elsewhere, each at another time within `ms`, then closes what is left. */
  drain(ms: number): Promise<void>
  /** Closes every connection and stops. Storage and bus belong to whoever made them. */
  close(): Promise<void>
}

/** How often it is noted which devices are here, in seconds. */
const seenEveryS = 60
/** How often it is looked up who may still be connected while other nodes are not heard, in seconds. */
const blindRevocationsS = 5
/** How often rooms are looked up while other nodes are not heard, in seconds. */
const blindCheckS = 2

/** How many characters the name of a node has: 66 random bits. */
const nodeLength = 11

const answered = { answered: true } as const
const areas = ['chat', 'presence', 'rtc', 'p2p', 'terminal']

/** Builds the engine. */
export function createMesh(options: MeshOptions): Mesh {
  const {
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
  const listeners = createEventListeners({ logger, ids })
  const deliveries = createDeliveries({
    storage: options.storage,
    clock,
    ids,
    logger,
    notifier: options.notifier,
    webhooks: options.webhooks ?? [],
    settings: options.deliveries,
    isConnected: (who) => whereabouts.isConnected(who),
  })
  const { storage } = deliveries
  const capsFor = (role: Role, policy: RoomPolicy) => capsOf(role, policy, extraCaps)
  const knownCaps = [...capabilities, ...extraCaps]
  const audit = createAudit({ store: storage.audit, clock, logger })
  const counts = createCounts()
  const parts: Area<never>[] = []
  // Hub and cluster know each other; neither acts before both are there.
  const node = ids.secret().slice(-nodeLength)
  const cluster = createCluster({
    node,
    bus,
    clock,
    ids,
    logger,
    encoder,
    depth: limits.depth,
    hub: () => hub,
    route: (peer, frame, size) => router.route(peer, frame, size),
    accept: (socket, request) => accept(socket, request),
  })
  const hub: Hub = createHub({
    storage,
    clock,
    encoder,
    elsewhere: cluster.directory,
    tellOthers: cluster.tellOthers,
    announce(event) {
      countEvent(counts, event)
      bus.publish('events', JSON.stringify(event))
      listeners.tell(event)
    },
    hooks: {
      left: (occupant, cause) => parts.forEach((part) => part.left?.(occupant, cause)),
      connectivity: (occupant) => parts.forEach((part) => part.connectivity?.(occupant)),
      restricted: (occupant, cause) => parts.forEach((part) => part.restricted?.(occupant, cause)),
      stored: (room, event) => parts.forEach((part) => part.stored?.(room, event)),
    },
  })
  const whereabouts = createWhereabouts({ node, bus, clock, peersOf: hub.peersOf })
  const decide = createDecide(options.authorize)
  const owners = createDeviceOwners(storage)
  const mayHold = createMayHold({ capsOf: capsFor, peersOf: hub.peersOf, ownerOf: owners.ownerOf })
  const check = createCapabilityCheck({ keys, issuer, clock, mayHold, owners })
  const engine: Engine = {
    ...hub,
    ...check,
    answered,
    targetsOf,
    toInstant,
    digest,
    storage,
    clock,
    ids,
    limits,
    logger,
    audit,
    issuer,
    capsOf: capsFor,
    mayHold,
    home: cluster.home,
    noteShare: createShares({ storage, clock, ids, logger, publish: hub.publish }),
  }
  const writes = createRoomWrites({ clock, ids, checkRoom: hub.check })
  const rooms = createRoomService({
    ...engine,
    knownCaps,
    decide,
    ...writes,
    closeRoom(room_id) {
      hub.close(room_id)
      bus.publish('deleted', room_id)
    },
  })
  const iceServers = createIceServers({ ...engine, turn: options.turn, authorize: rooms.authorize })
  const grant = createGrant({
    keys,
    issuer,
    clock,
    ids,
    audit,
    mayHold,
    decide,
    isKnown: (cap) => knownCaps.includes(cap),
    iceServers: iceServers.of,
    owners,
  })

  const presence = createPresence(engine)
  const rtc = createRtc(engine)
  const p2p = createP2p(engine, keys)
  const terminals = createTerminals(engine)
  parts.push(presence, rtc, p2p, terminals)
  const handlers: Handlers<HandledType> = {
    ...createSystem().handlers,
    ...createRooms(engine, {
      announce: presence.announce,
      presence: shownPresence,
      terminals: (open) => shownTerminals(open, clock.now()),
    }).handlers,
    ...presence.handlers,
    ...createChat(engine).handlers,
    ...createCapabilities(grant).handlers,
    ...rtc.handlers,
    ...p2p.handlers,
    ...terminals.handlers,
  }

  const allowances = createBoundedMap<string, Allowance>(100_000)
  const sessions = new Map<string, Session>()
  const connections = new Set<Connection>()
  const addresses = createAddressCounts(limits, () => clock.monotonic())
  const lastSeen = createLastSeen({ storage, clock, logger })
  let closing = false
  const load = { bytes: 0 }
  const accessWatch = createAccessWatch({ storage, clock, logger, sessions })
  let ticks = 0
  let outages = bus.outages
  let hasMissed = false
  const admit = options.authorize && createAdmission({ storage, decide, rooms })
  const others = { areSilent: () => !bus.isUp, passOn: cluster.passOn }
  const router = createRouter(engine, handlers, createRepeats(), others, admit)
  const host: ConnectionHost = {
    node,
    homeOfSession: cluster.homeOfSession,
    bridge: cluster.bridge,
    clock,
    ids,
    limits,
    logger,
    audit,
    hub,
    encoder,
    router,
    counts,
    outboxes: { limits, now: () => clock.monotonic(), load },
    sessions,
    features: areas,
    authenticate: options.authenticate,
    revalidate: options.revalidate,
    allowanceOf(identity) {
      const own = allowances.get(identity) ?? new Allowance()
      allowances.set(identity, own)
      return own
    },
    welcomed: ({ address }) => addresses.welcomed(address),
    ended(connection) {
      connections.delete(connection)
      lastSeen.note(connection.device_id)
      deliveries.deviceLeft(connection.device_id)
      addresses.ended(connection.address, connection.isWelcome)
    },
  }

  function accept(socket: MeshSocket, request: ConnectionRequest): TransportConnection {
    addresses.opened(request.address)
    const connection = new Connection(host, socket, request)
    connections.add(connection)
    if (closing) connection.close('drain')
    return connection
  }

  /** Closes the connections that are meant on this node, and ends the sessions that wait for one. */
  function disconnect(which: Selector, reason: CloseReason): number {
    if ('kid' in which) {
      keys.revoke(which.kid)
      for (const part of parts) part.keyRevoked?.(which.kid)
    }
    for (const connection of connections) connection.bar(which, reason)
    const meant = [...sessions.values()].filter((session) => isMeant(session, which))
    for (const session of meant) session.close(reason)
    return meant.length
  }

  const unsubscribe = [
    // What another node stored: the payload was written by the same code.
    bus.subscribe('events', (message) => hub.apply(JSON.parse(message) as RoomEvent)),
    bus.subscribe('missed', () => void (hasMissed = true)),
    bus.subscribe('deleted', (room_id) => hub.close(room_id)),
    bus.subscribe('disconnected', (message) => {
      const { which, reason, at } = JSON.parse(message) as { which: Selector; reason: CloseReason; at: number }
      disconnect(which, reason)
      counts.revocationLagMs = Math.max(0, clock.now() - at)
    }),
  ]

  // One sweep a second over all connections costs less than a timer for each of them.
  let stopTicking = clock.after(1000, tick)
  function tick(): void {
    for (const connection of connections) connection.tick()
    if (load.bytes > limits.queues_bytes) relieve()
    cluster.tick()
    ticks++
    // While the bus is down, looking is the only way to learn what other nodes stored; once more when it is back.
    const every = bus.isUp ? limits.position_check_s : blindCheckS
    const isBack = bus.isUp && bus.outages !== outages
    if (isBack) {
      outages = bus.outages
      // What was on its way from here may be lost as well, and those who heard all along do not know.
      bus.publish('missed', '')
    }
    const isDue = isBack || hasMissed
    hasMissed = false
    if (isDue || ticks % every === 0) for (const room_id of hub.rooms.keys()) void hub.check(room_id)
    // A word that was lost is lost for good, so revocations are looked up now and then at any rate.
    const lookEvery = bus.isUp ? limits.position_check_s : blindRevocationsS
    accessWatch.tick(isDue || (options.bus !== undefined && ticks % lookEvery === 0))
    if (ticks % seenEveryS === 0) for (const connection of connections) lastSeen.note(connection.device_id)
    void lastSeen.flush()
    stopTicking = clock.after(1000, tick)
  }

  /** What is held for all peers together is too much: those for whom most is held give it up. */
  function relieve(): void {
    for (const session of [...sessions.values()].sort((a, b) => b.heldBytes - a.heldBytes)) {
      if (load.bytes <= limits.queues_bytes) return
      session.relieve()
    }
  }

  // Done here before anybody else hears of it: what this node does from now on, it does not do for them.
  const disconnectAll: Mesh['disconnect'] = (which, reason = 'revoked') => {
    const count = disconnect(which, reason)
    bus.publish('disconnected', JSON.stringify({ which, reason, at: clock.now() }))
    return count
  }

  return {
    node,
    limits,
    grant,
    audit,
    renewIceServers: iceServers.renew,
    stats: () =>
      readStats({
        hub,
        connections,
        open: { webrtc: rtc.open(), quic: p2p.open(), leases: terminals.open() },
        heldBytes: load.bytes,
        passed: router.passed,
        counts,
      }),
    get isDraining() {
      return closing
    },
    get isBusUp() {
      return bus.isUp
    },
    on: listeners.on,
    pausedDeliveries: deliveries.paused,
    peers: hub.peers,
    rooms,
    invites: createInvites({ ...engine, ...writes, authorize: rooms.authorize }),

    admit(address) {
      if (closing) return 'unavailable'
      if (addresses.admits(address)) return 'ok'
      counts.refused++
      return 'too_many'
    },

    accept,

    disconnect: disconnectAll,

    revokeKey(kid) {
      void audit({ action: 'key.revoke', outcome: 'ok', actor: 'administrator', kid })
      return disconnectAll({ kid })
    },

    async drain(ms) {
      closing = true
      await drain(engine, [...hub.peers.values()], ms)
      for (const connection of [...connections]) connection.close('drain')
    },

    async close() {
      closing = true
      stopTicking()
      for (const connection of [...connections]) connection.close('drain')
      for (const session of [...sessions.values()]) session.end('disconnected')
      for (const end of unsubscribe) end()
      await deliveries.close()
      whereabouts.close()
      cluster.close()
      await audit.flush()
      await lastSeen.flush()
    },
  }
}
