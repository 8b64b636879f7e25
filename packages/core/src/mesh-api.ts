import type { Audit } from './audit.ts'
import type { Authorize } from './authorize.ts'
import type { Grant } from './capabilities/grant.ts'
import type { IceServers } from './capabilities/ice-servers.ts'
import type { Authenticate, Revalidate } from './authenticate.ts'
import type { Peer, Principal } from './context.ts'
import type { DeliverySettings } from './deliveries/settings.ts'
import type { CloseReason } from './errors.ts'
import type { EventListeners } from './event-listeners.ts'
import type { Ids } from './ids.ts'
import type { LimitClass, Limits } from './limits.ts'
import type { Bus, Clock, Logger, Notifier, Storage, Turn, Webhook } from './ports/index.ts'
import type { Invites } from './rooms/invites.ts'
import type { Rooms } from './rooms/service.ts'
import type { Selector } from './selector.ts'
import type { Stats } from './stats.ts'
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
  /** At least 0 and less than 1, for what must not happen everywhere at once; `Math.random` unless told. */
  random?: () => number
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
  /**
   * Counts a request that came by another way than a socket in the class in which it would have counted there, so that
   * the other way is no way around it. @throws MeshError RATE_LIMITED
   */
  spend(caller: Principal, limit: LimitClass): void
  /** Hands out fresh STUN and TURN servers for a capability token. */
  readonly renewIceServers: IceServers['renew']
  /** The connected peers of this node. */
  readonly peers: ReadonlyMap<string, Peer>
  /** The connected peers of a user, those of other nodes included that are in a room. */
  peersOf(user_id: string): ReadonlySet<Peer>
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
