import { capabilities, capsOf, type RoomPolicy, type Role } from './acl.ts'
import { createAdmission } from './admission.ts'
import { createAreas, features, hooksOf, type AnyArea } from './areas.ts'
import { createAudit } from './audit.ts'
import { createDecide } from './authorize.ts'
import { createCapabilityCheck } from './capabilities/check.ts'
import { createGrant } from './capabilities/grant.ts'
import { createIceServers } from './capabilities/ice-servers.ts'
import { createDeviceOwners } from './capabilities/owners.ts'
import { createMayHold } from './capabilities/policy.ts'
import { createCarefulBus } from './cluster/careful-bus.ts'
import { createCluster } from './cluster/cluster.ts'
import { createWhereabouts } from './cluster/whereabouts.ts'
import type { Engine } from './context.ts'
import { countEvent, countSession, createCounts } from './counts.ts'
import { createDeliveries } from './deliveries/deliveries.ts'
import { createDoor } from './door.ts'
import { drain } from './drain.ts'
import { createEncoder, toInstant } from './encoder.ts'
import type { CloseReason } from './errors.ts'
import { createEventListeners } from './event-listeners.ts'
import { createHub, type Hub } from './hub.ts'
import { randomIds, sha256 } from './ids.ts'
import { createLastSeen } from './last-seen.ts'
import { createLeaseClock } from './lease-clock.ts'
import { defaultLimits } from './limits.ts'
import { createMemoryBus } from './memory/bus.ts'
import type { Mesh, MeshOptions } from './mesh-api.ts'
import { silentLogger, systemClock, type RoomEvent } from './ports/index.ts'
import { createRepeats } from './repeats.ts'
import { createInvites } from './rooms/invites.ts'
import { createRoomService } from './rooms/service.ts'
import { createRoomWrites } from './rooms/writes.ts'
import { createRouter } from './router.ts'
import type { Selector } from './selector.ts'
import { createShares } from './shares.ts'
import { readStats } from './stats.ts'
import { createStorageWatch } from './storage-watch.ts'
import { startSweep } from './sweep.ts'
import { targetsOf } from './targets.ts'

/** How many characters the name of a node has: 66 random bits. */
const nodeLength = 11

const answered = { answered: true } as const

/** Builds the engine. */
export function createMesh(options: MeshOptions): Mesh {
  const {
    issuer,
    capabilityKeys: keys,
    clock = systemClock,
    ids = randomIds,
    random = Math.random,
    logger = silentLogger,
    limits = defaultLimits,
    digest = sha256,
    extraCaps = [],
  } = options
  const bus = createCarefulBus(options.bus ?? createMemoryBus(), logger)
  const encoder = createEncoder({ clock, ids })
  const listeners = createEventListeners({ logger, ids })
  const counts = createCounts()
  const deliveries = createDeliveries({
    storage: options.storage,
    clock,
    ids,
    random,
    logger,
    counts,
    notifier: options.notifier,
    webhooks: options.webhooks ?? [],
    settings: options.deliveries,
    isConnected: (who) => whereabouts.isConnected(who),
  })
  const { storage } = deliveries
  const leaseClock = createLeaseClock(clock, storage)
  const capsFor = (role: Role, policy: RoomPolicy) => capsOf(role, policy, extraCaps)
  const knownCaps = [...capabilities, ...extraCaps]
  const audit = createAudit({ store: storage.audit, clock, logger })
  const parts: AnyArea[] = []
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
    unroutable: () => counts.lostSignals.add('unroutable'),
    answered: (ms) => counts.busAnswers.note(ms),
    hub: () => hub,
    deviceLost: deliveries.deviceLeft,
    route: (peer, frame, size) => router.route(peer, frame, size),
    accept: (socket, request) => door.accept(socket, request),
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
    hooks: hooksOf(parts),
  })
  const whereabouts = createWhereabouts({ node, bus, clock, peersOf: hub.peersOf })
  const decide = createDecide(options.authorize)
  const owners = createDeviceOwners(storage)
  const mayHold = createMayHold({ capsOf: capsFor, peersOf: hub.peersOf, ownerOf: owners.ownerOf })
  const storageWatch = createStorageWatch({ storage, clock, rooms: hub.rooms })
  const isOutdated = () => storageWatch.isSilent
  const check = createCapabilityCheck({ keys, issuer, clock, mayHold, owners, isOutdated })
  const engine: Engine = {
    ...hub,
    ...check,
    answered,
    targetsOf,
    toInstant,
    digest,
    storage,
    clock,
    leaseClock,
    ids,
    limits,
    logger,
    audit,
    issuer,
    capsOf: capsFor,
    mayHold,
    home: cluster.home,
    countSession: (transport, result, asked_at) =>
      countSession(counts, transport, result, clock.monotonic() - asked_at),
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
  const iceServers = createIceServers({
    ...engine,
    peersOf: hub.peersOf,
    turn: options.turn,
    relayGiven: () => void counts.turnCredentials++,
    authorize: rooms.authorize,
  })
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

  const areas = createAreas(engine, { keys, grant })
  parts.push(...areas.parts)
  const lastSeen = createLastSeen({ storage, clock, logger })
  const admit = options.authorize && createAdmission({ storage, decide, rooms })
  const others = { areSilent: () => !bus.isUp, passOn: cluster.passOn }
  const router = createRouter(engine, areas.handlers, createRepeats(), others, admit)
  const door = createDoor({
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
    features,
    authenticate: options.authenticate,
    revalidate: options.revalidate,
    left({ device_id }) {
      lastSeen.note(device_id)
      deliveries.deviceLeft(device_id)
    },
  })

  /** Closes the connections that are meant on this node, and ends the sessions that wait for one. */
  function disconnect(which: Selector, reason: CloseReason): number {
    if ('kid' in which) {
      keys.revoke(which.kid)
      for (const part of parts) part.keyRevoked?.(which.kid)
    }
    return door.disconnect(which, reason)
  }

  const unsubscribe = [
    // What another node stored: the payload was written by the same code.
    bus.subscribe('events', (message) => hub.apply(JSON.parse(message) as RoomEvent)),
    bus.subscribe('deleted', (room_id) => hub.close(room_id)),
    bus.subscribe('disconnected', (message) => {
      const { which, reason, at } = JSON.parse(message) as { which: Selector; reason: CloseReason; at: number }
      disconnect(which, reason)
      counts.revocationLagMs = Math.max(0, clock.now() - at)
    }),
  ]

  const isShared = options.bus !== undefined
  const stopSweep = startSweep({ ...engine, bus, isShared, cluster, hub, door, storageWatch, lastSeen })

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
    spend: door.spend,
    renewIceServers: iceServers.renew,
    stats: () =>
      readStats({
        hub,
        connections: door.connections,
        open: areas.open(),
        heldBytes: door.heldBytes,
        passed: router.passed,
        requests: router.requests,
        counts,
        channels: deliveries.channels(),
      }),
    get isDraining() {
      return door.isShut
    },
    get isBusUp() {
      return bus.isUp
    },
    on: listeners.on,
    pausedDeliveries: () => deliveries.channels().flatMap(([channel, isPaused]) => (isPaused ? [channel] : [])),
    peers: hub.peers,
    peersOf: hub.peersOf,
    rooms,
    invites: createInvites({ ...engine, ...writes, authorize: rooms.authorize }),

    admit(address) {
      if (door.isShut) return 'unavailable'
      if (door.admits(address)) return 'ok'
      counts.refused++
      return 'too_many'
    },

    accept: door.accept,

    disconnect: disconnectAll,

    revokeKey(kid) {
      void audit({ action: 'key.revoke', outcome: 'ok', actor: 'administrator', kid })
      return disconnectAll({ kid })
    },

    async drain(ms) {
      door.shut()
      await drain(engine, [...hub.peers.values()], ms)
      door.closeAll()
    },

    async close() {
      stopSweep()
      door.closeAll()
      door.endSessions()
      for (const end of unsubscribe) end()
      await deliveries.close()
      whereabouts.close()
      cluster.close()
      await audit.flush()
      await lastSeen.flush()
    },
  }
}
