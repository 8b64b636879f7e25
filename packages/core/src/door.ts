import { createAddressCounts } from './addresses.ts'
import { createBoundedMap } from './bounded-map.ts'
import { Allowance, takeEvent } from './bucket.ts'
import { Connection, type ConnectionHost } from './connection.ts'
import type { Principal } from './context.ts'
import { MeshError, type CloseReason } from './errors.ts'
import type { LimitClass } from './limits.ts'
import { isMeant, type Selector } from './selector.ts'
import type { Session } from './session.ts'
import type { Connection as TransportConnection, ConnectionRequest, MeshSocket } from './transport.ts'

/** Where clients of this node come in and are shown out: its connections, its sessions, and what each client may send. */
export interface Door {
  readonly connections: ReadonlySet<Connection>
  readonly sessions: ReadonlyMap<string, Session>
  /** Bytes held for all peers together. */
  readonly heldBytes: number
  /** Whether another connection may be opened from an address; to be asked once for each, since it counts. */
  admits(address: string): boolean
  accept(socket: MeshSocket, request: ConnectionRequest): TransportConnection
  /** Counts a request as if it had come over a socket. @throws MeshError RATE_LIMITED */
  spend(caller: Principal, limit: LimitClass): void
  /** Closes the connections that are meant, and ends the sessions that wait for one; returns how many sessions. */
  disconnect(which: Selector, reason: CloseReason): number
  /** Looks after every connection, and what is held for them; called about once a second. */
  tick(): void
  /** Closes every connection, for a stop, and each that comes from now on. */
  closeAll(): void
  /** Ends every session, those that wait for their client too. */
  endSessions(): void
  /** Whoever comes from now on is sent elsewhere at once. */
  shut(): void
  readonly isShut: boolean
}

/** @see Door. `left` hears of each connection that is over. */
export function createDoor(
  given: Omit<ConnectionHost, 'sessions' | 'outboxes' | 'allowanceOf' | 'welcomed' | 'ended'> & {
    left(connection: Connection): void
  },
): Door {
  const { clock, limits, left } = given
  const connections = new Set<Connection>()
  const sessions = new Map<string, Session>()
  const allowances = createBoundedMap<string, Allowance>(100_000)
  const addresses = createAddressCounts(limits, () => clock.monotonic())
  const load = { bytes: 0 }
  let isShut = false
  const host: ConnectionHost = {
    ...given,
    sessions,
    outboxes: { limits, now: () => clock.monotonic(), load },
    allowanceOf(identity) {
      const own = allowances.get(identity) ?? new Allowance()
      allowances.set(identity, own)
      return own
    },
    welcomed: ({ address }) => addresses.welcomed(address),
    ended(connection) {
      connections.delete(connection)
      left(connection)
      addresses.ended(connection.address, connection.isWelcome)
    },
  }

  /** What is held for all peers together is too much: those for whom most is held give it up. */
  function relieve(): void {
    for (const session of [...sessions.values()].sort((a, b) => b.heldBytes - a.heldBytes)) {
      if (load.bytes <= limits.queues_bytes) return
      session.relieve()
    }
  }

  return {
    connections,
    sessions,
    get heldBytes() {
      return load.bytes
    },
    get isShut() {
      return isShut
    },
    admits: addresses.admits,

    accept(socket, request) {
      addresses.opened(request.address)
      const connection = new Connection(host, socket, request)
      connections.add(connection)
      if (isShut) connection.close('drain')
      return connection
    },

    spend({ device_id, user_id }, limit) {
      const { classes } = host.allowanceOf(device_id ?? user_id)
      const retry_after_ms = takeEvent(classes, limits, limit, clock.monotonic())
      if (retry_after_ms > 0) throw new MeshError('RATE_LIMITED', undefined, { retry_after_ms })
    },

    disconnect(which, reason) {
      for (const connection of connections) connection.bars.note({ which, reason })
      const meant = [...sessions.values()].filter((session) => isMeant(session, which))
      for (const session of meant) session.close(reason)
      return meant.length
    },

    tick() {
      for (const connection of connections) connection.tick()
      if (load.bytes > limits.queues_bytes) relieve()
    },

    shut: () => void (isShut = true),
    closeAll() {
      isShut = true
      for (const connection of [...connections]) connection.close('drain')
    },
    endSessions() {
      for (const session of [...sessions.values()]) session.end('disconnected')
    },
  }
}
