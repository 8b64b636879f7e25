import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import {
  createMesh as createEngine,
  createTally,
  randomIds,
  resolveLimits,
  silentLogger,
  systemClock,
  type Bus,
  type Invites,
  type Mesh as Engine,
  type Rooms,
  type Selector,
  type Storage,
} from '@mesh/core'
import { attach } from './attach.ts'
import { createAttempts } from './auth/attempts.ts'
import { keepAttempts } from './auth/attempts-file.ts'
import { createAccounts, type Accounts } from './auth/accounts.ts'
import { createAuthenticate, createRevalidate } from './auth/authentication.ts'
import { createHostAuthorize } from './auth/authorize.ts'
import { builtinUsers } from './auth/builtin-users.ts'
import { createDevices, type Devices } from './auth/devices.ts'
import { createHostSessions } from './auth/host-sessions.ts'
import { leaveRooms } from './auth/leave-rooms.ts'
import { noted, type Deciders } from './auth/noted.ts'
import { createHostTokens, type HostTokens } from './auth/tokens.ts'
import { createRevoke, type Revoke } from './auth/revoke.ts'
import { createPasswords } from './auth/passwords.ts'
import { createSetup, type Setup } from './auth/setup.ts'
import { createClientAddress } from './client-address.ts'
import { createApp } from './http/app.ts'
import { openKeys, type Keys } from './keys/keys.ts'
import type { MeshServerOptions } from './mesh-server-options.ts'
import { createNotifications, type Notifications } from './notifiers/notifications.ts'
import { openSeal } from './notifiers/seal.ts'
import { createOriginCheck, isLoopbackHost } from './origin.ts'
import { createTransport } from './socket.ts'
import { sqlite } from './storage/sqlite/index.ts'
import { createTurn } from './turn.ts'
import { createUpgrade } from './upgrade.ts'
import { createWallClock, type WallClock } from './wall-clock.ts'
import { createWebhooks } from './webhook.ts'

const dayMs = 24 * 3600 * 1000

/** A Mesh in a Node application. It never closes a server that it did not make. */
export interface MeshServer {
  /**
   * Answers REST. `from.address` is the network address of whoever asks, for limits; `toNodeHandler` fills it in. Without it
   * nothing is limited by address.
   */
  fetch(request: Request, from?: { address?: string | undefined }): Response | Promise<Response>
  /** Whether a path is below `basePath` and Mesh's to answer. */
  handles(pathname: string): boolean
  /** Takes the upgrade requests for `<basePath>/ws` on an HTTP server, beside whatever else is there. Returns its undoing. */
  attach(server: Server): () => void
  /** Takes one upgrade request, for applications that dispatch themselves; false: not ours, nothing was touched. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  readonly rooms: Rooms
  readonly invites: Invites
  /** Access tokens for the host's users, for clients that get theirs from the host. */
  readonly tokens: HostTokens
  /** Ends the access of a user, session or device at once. */
  readonly revoke: Revoke
  /** The built-in accounts. Without `builtinUsers()` nobody can log in to them, but they exist. */
  readonly accounts: Accounts
  /** How the first administrator of the built-in accounts is made, where nobody is at the machine to do it. */
  readonly setup: Setup
  /** The devices of users, of the host's own too. */
  readonly devices: Devices
  /** The same for whoever is at the machine: what they decide is theirs in the audit log, and not the application's. */
  readonly administrator: Deciders
  /** Who is told what happens while they are away. */
  readonly notifications: Notifications
  /**
   * Hears of every durable event of a type, `*` for all, that this node stores; of several nodes exactly one hears of an
   * event. A crash may cost one: a webhook never loses any. The returned function ends it.
   */
  readonly on: Engine['on']
  /** The engine below: peers, grants, disconnect. */
  readonly engine: Engine
  /** How calls of REST ended so far: `<route> ok`, or the route and the code of the error. */
  readonly calls: ReadonlyMap<string, number>
  /** The time that tokens are dated and judged by. */
  readonly clock: WallClock
  readonly storage: Storage
  /** What joins this node with others; undefined where it is alone. */
  readonly bus: Bus | undefined
  /** The signing keys. Revoking one ends what was opened with it. */
  readonly keys: Keys
  readonly issuer: string
  /** Asks clients to come back later over `drainMs`, closes every connection, and lets go of the storage. */
  close(options?: { drainMs?: number }): Promise<void>
}

/**
 * Builds a Mesh.
 * @throws Error with one sentence when the data directory, the keys or a limit cannot be used.
 */
export async function createMesh(options: MeshServerOptions): Promise<MeshServer> {
  const { dataDir, basePath = '', publicUrl, allowedOrigins = [], logger = silentLogger, extraCaps = [] } = options
  if (basePath !== '' && !/^(\/[\w.~-]+)+$/.test(basePath)) throw new Error('basePath must look like /mesh.')
  const clientAddress = createClientAddress(options.trustedProxies ?? [])
  const issuer = publicUrl ?? 'urn:mesh:local'
  const turn = options.turn && createTurn(options.turn)
  const rotationMs = (options.keyRotationDays ?? 30) * dayMs
  const clock = createWallClock(logger, { right: options.storage?.now?.bind(options.storage) })
  const { now } = clock
  const keysDir = options.keysDir ?? dataDir
  const keys = await openKeys({ directory: keysDir, rotationMs, now })
  const seal = await openSeal(keysDir)
  const webhooks = createWebhooks(options.webhooks ?? [])
  const limits = resolveLimits(options.limits)
  const storage = options.storage ?? (await sqlite(join(dataDir, 'mesh.db')))
  const passwords = createPasswords(options.passwords)
  const attempts = createAttempts(limits.attempts)
  const calls = createTally<string>()
  const servers = new Set<Server>()
  const boundToLoopback =
    options.boundToLoopback ?? (() => servers.size > 0 && [...servers].every((server) => isLoopback(server)))
  const allowOrigin = createOriginCheck({ ...(publicUrl ? { publicUrl } : {}), allowedOrigins, boundToLoopback })
  const hook = options.authenticate ?? builtinUsers()
  const sessions = createHostSessions({ storage, accessKeys: keys.access, issuer, now })
  const disconnect = (which: Selector) => void engine.disconnect(which)
  const devices = createDevices({ storage, accessKeys: keys.access, issuer, limits, disconnect, now })
  const accounts = createAccounts({
    storage,
    passwords,
    accessKeys: keys.access,
    issuer,
    attempts,
    disconnect,
    recognise: sessions.recognise,
    recogniseDevice: devices.recognise,
    leaveRooms: (user_id) => leaveRooms(engine.rooms, user_id),
    audit: () => engine.audit,
    now,
  })
  const notifications = createNotifications({
    notifier: options.notifier,
    storage,
    seal,
    now,
    audit: (event) => engine.audit(event),
  })
  const setup = createSetup({
    storage,
    accounts,
    audit: (event) => engine.audit(event),
    now: () => performance.now(),
  })
  const authentication = { hook, revalidate: options.revalidate, accounts, sessions, allowOrigin }
  const authenticate = createAuthenticate(authentication)
  const engine = createEngine({
    storage,
    ...(options.bus && { bus: options.bus }),
    capabilityKeys: keys.capability,
    issuer,
    authenticate,
    revalidate: createRevalidate(authentication),
    authorize: createHostAuthorize(options.authorize),
    logger,
    clock: { ...systemClock, now },
    limits,
    extraCaps,
    turn,
    ids: randomIds,
    notifier: notifications.notifier,
    webhooks,
    deliveries: options.deliveries,
  })
  const unwatchKeys = keys.watch(({ action, kid, by }) => {
    if (action !== 'key.revoke') void engine.audit({ action, outcome: 'ok', actor: by, kid })
    else if (by) engine.revokeKey(kid)
    else void engine.disconnect({ kid })
  }, logger)

  const path = `${basePath}/ws`
  const addressOf = ({ socket, headers }: IncomingMessage) =>
    clientAddress(socket.remoteAddress, headers['x-forwarded-for']?.toString()) ?? ''
  const handleUpgrade = createUpgrade({
    path,
    allowOrigin,
    maxPayload: limits.frame_bytes,
    admit: (request) => engine.admit(addressOf(request)),
    onConnection: createTransport(engine, addressOf),
  })
  const tokens = createHostTokens(sessions, now)
  const revoke = createRevoke({ storage, devices, issuers: hook.issuers ?? [], disconnect, now })
  const app = createApp({
    tokens,
    revoke,
    mesh: engine,
    storage,
    clock,
    accounts,
    attempts,
    calls,
    setup,
    devices,
    builtinAccounts: hook.builtinUsers === true,
    authenticate,
    capabilityKeys: keys.capability,
    issuer,
    publicUrl,
    basePath,
    logger,
    allowOrigin,
  })
  const detach = new Set<() => void>()
  const deciders = { accounts, devices, tokens, revoke }
  // Last: what a start that fails had taken over would be lost.
  const keptAttempts = await keepAttempts({ directory: dataDir, attempts, now, logger })

  return {
    fetch: (request, from) =>
      app.fetch(request, { address: clientAddress(from?.address, request.headers.get('x-forwarded-for')) }),
    handles: (pathname) =>
      basePath === ''
        ? /^\/(api\/v1(\/|$)|\.well-known\/jwks\.json$|healthz$|readyz$|version$|ws$)/.test(pathname)
        : pathname === basePath || pathname.startsWith(`${basePath}/`),
    attach(server) {
      const undo = attach(server, { path, upgrade: handleUpgrade })
      servers.add(server)
      const end = () => {
        detach.delete(end)
        servers.delete(server)
        undo()
      }
      detach.add(end)
      return end
    },
    handleUpgrade,
    rooms: engine.rooms,
    invites: engine.invites,
    setup,
    ...noted(deciders, 'host', () => engine.audit),
    administrator: noted(deciders, 'administrator', () => engine.audit),
    notifications,
    on: engine.on,
    engine,
    calls: calls.counts,
    clock,
    storage,
    bus: options.bus,
    keys,
    issuer,
    async close({ drainMs = 0 } = {}) {
      unwatchKeys()
      await engine.drain(drainMs)
      for (const end of [...detach]) end()
      await engine.close()
      await options.bus?.close()
      await passwords.close()
      await keptAttempts.close()
      await storage.close()
    },
  }
}

function isLoopback(server: Server): boolean {
  const address = server.address()
  return typeof address === 'object' && address !== null && isLoopbackHost(address.address)
}
