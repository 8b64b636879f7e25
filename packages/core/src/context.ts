import type { Role, RoomPolicy } from './acl.ts'
import type { Audit } from './audit.ts'
import type { Transport } from './counts.ts'
import type { ClientFrame } from './frame.ts'
import type { Ids } from './ids.ts'
import type { LeaseClock } from './lease-clock.ts'
import type { Limits } from './limits.ts'
import type { LeaveCause, LiveRoom, Occupant, Outbound, Peer } from './live-state.ts'
import type { Clock, Logger, Member, Room, RoomEvent, Storage, Terminal } from './ports/index.ts'
import type { Principal } from './principal.ts'
import type {
  ClientEventType,
  ClientPayload,
  ReplyType,
  ServerEventType,
  ServerPayload,
  clientEvents,
} from './protocol.ts'
import type { Awaitable } from './awaitable.ts'
import type { CapabilityClaims } from './tokens/capability.ts'
import type { Verified } from './tokens/jws.ts'

export type * from './live-state.ts'
export type * from './principal.ts'

/** What an event of the server carries besides its payload. */
export interface Outgoing {
  /** The peer that it comes from; the server, if left out. */
  from?: string | undefined
  reply_to?: string | undefined
  /** The room that it tells of: whoever is removed from there meanwhile does not get it. */
  room?: LiveRoom | undefined
}

/** Everything that an area may use: handed in, never imported. */
export interface Engine {
  readonly storage: Storage
  readonly clock: Clock
  /** What time it is for leases, on every node. */
  readonly leaseClock: LeaseClock
  readonly ids: Ids
  readonly limits: Limits
  readonly logger: Logger
  /** Notes a decision in the audit log; nobody waits for it. */
  readonly audit: Audit
  readonly issuer: string
  /** The capabilities that a role may ask for under a policy, the host application's own words included. */
  capsOf(role: Role, policy: RoomPolicy): readonly string[]
  /** Whether somebody may hold a capability in a room, and use it on the peer or device `target`. */
  mayHold(
    cap: string,
    holder: { user_id: string; role: Role; policy: RoomPolicy; target?: string | undefined },
  ): boolean
  /** The connected peers of this node. */
  readonly peers: ReadonlyMap<string, Peer>
  /** The rooms with peers on this node. */
  readonly rooms: ReadonlyMap<string, LiveRoom>
  /** What a handler returns that has answered by itself. */
  readonly answered: Answered
  /** Milliseconds since 1970 as they stand on the wire: ISO 8601 in UTC. */
  toInstant(ms: number): string
  /** SHA-256 of a text, URL-safe. */
  digest(text: string): string | Promise<string>
  /** Sends an event to one peer. */
  tell<T extends ServerEventType>(peer: Peer, type: T, payload: ServerPayload<T>, outgoing?: Outgoing): void
  /** Shows the room, on every node, what is to be shown of an occupant of this one. */
  showPresence(occupant: Occupant): void
  /**
   * Notes that a session in which a peer has part lives on this node, or has ended. What a peer of another node has to say
   * about it is then passed on to here.
   */
  home(peer: Peer, session_id: string, isOpen: boolean): void
  /** Sends an event to every peer of this node in a room but one; it is serialised once. */
  broadcast<T extends ServerEventType>(room: LiveRoom, type: T, payload: ServerPayload<T>, except?: Peer): void
  /**
   * Makes a stored event known: changes the live state by it, then tells the room, in the order of `seq`. The peer that
   * asked for it gets its one copy as the reply.
   */
  publish(event: RoomEvent, reply?: { peer: Peer; reply_to: string }): void
  /** Answers a repeated request with the event of the first time; nobody else hears of it again. */
  repeat(peer: Peer, event: RoomEvent, reply_to: string): void
  /** Writes a signal as its sender did, but for what the schema says is for the server alone; `payload` is the rest. */
  signal(call: Call, payload: object, room: LiveRoom): Outbound
  /** Sends one frame to several peers. */
  deliver(frame: Outbound, receivers: Iterable<Peer>): void
  /**
   * Reads a room and brings the peer into it, as one step in the order of events: `entered` runs before anything later
   * can be told to the peer. @throws MeshError
   */
  enter(
    peer: Peer,
    room_id: string,
    entered: (occupant: Occupant, snapshot: Snapshot, isNew: boolean) => void,
  ): Promise<void>
  /** The peers of a room that a peer, device or user id means, other than the one that asks, and there to be asked; oldest first. */
  targetsOf(asking: Occupant, to: string): Peer[]
  /** Takes a peer out of a room and tells everybody concerned. */
  leave(occupant: Occupant, cause: LeaveCause): void
  /** Counts a session between two peers that was opened, or why it was not. `asked_at` is monotonic. */
  countSession(transport: Transport, result: string, asked_at: number): void
  /** A share between two peers of a room has completed: writes it down there, and holds up nobody. */
  noteShare(
    room_id: string,
    share: { from: Peer; to: Peer; purpose: string; name?: string | undefined; bytes?: number | undefined },
  ): void
  /** Reads what the rooms of a peer have missed, and takes it in. @throws MeshError UNAVAILABLE */
  refresh(peer: Peer): Promise<void>
  /** Says why a peer that is not in a room cannot act there: ROOM_NOT_FOUND, ACCESS_DENIED. */
  notInRoom(room_id: string): Promise<never>
  /** Verifies what of a capability token does not change; at once where it was seen before. Undefined: not ours. */
  verifyCapability(token: string): Awaitable<Verified<CapabilityClaims> | undefined>
  /** Judges a verified token for one use, now. @throws MeshError CAP_REQUIRED, CAP_EXPIRED, CAP_INVALID */
  checkCapability(
    holder: Holder,
    claims: Verified<CapabilityClaims> | undefined,
    use: CapabilityUse,
  ): Verified<CapabilityClaims>
}

/** A room as it was read when somebody entered, and what that made of them; the live state may still be behind it. */
export interface Snapshot {
  readonly room: Room
  readonly members: readonly Member[]
  readonly terminals: readonly Terminal[]
  readonly role: Role
}

/**
 * What of somebody in a room decides about a capability token: an {@link Occupant}, or a member who has not joined, or whose
 * device is away and so no peer.
 */
export type Holder = Pick<Occupant, 'role' | 'member_seq'> & {
  readonly peer: Pick<Principal, 'user_id' | 'device_id' | 'device_jkt' | 'sid'> & Partial<Pick<Peer, 'peer_id'>>
  readonly room: Pick<LiveRoom, 'room_id' | 'policy' | 'policy_seq' | 'occupants'>
}

/** What a capability token is to be used for. */
export interface CapabilityUse {
  cap: string
  /** Whom it is used on: a peer, device or user. */
  to: string
  /** Whether a token came at all; without one the answer is CAP_REQUIRED. */
  presented: boolean
}

/** What the sender has to do with the room of an event, by what the table demands. */
export interface BelongingOf {
  joined: Occupant
  member: {
    room: Pick<Room, 'room_id' | 'policy' | 'policy_seq'>
    member: Pick<Member, 'role' | 'member_seq'>
  }
}

type BelongingFor<T extends ClientEventType> = (typeof clientEvents)[T]['room'] extends infer M
  ? M extends keyof BelongingOf
    ? BelongingOf[M]
    : undefined
  : never

/** One event of a client that has passed every check that the table states. */
export interface Call<T extends ClientEventType = ClientEventType> {
  readonly peer: Peer
  readonly type: T
  readonly id: string
  readonly to: string
  /** The sender's clock. */
  readonly timestamp: string
  readonly payload: ClientPayload<T>
  /** The frame as it came. */
  readonly frame: ClientFrame
  /** Where the table demands membership or joining: its proof. */
  readonly at: BelongingFor<T>
  /**
   * Answers it, maybe later than its handler returns, which then returns {@link Engine.answered}. Whoever is removed from
   * `room` before the answer has reached them does not get it.
   */
  answer(reply: Exclude<Reply<T>, Answered | void>, room?: LiveRoom): void
}

/** What a handler returns that has answered by itself. */
export interface Answered {
  readonly answered: true
  /** The durable event that was the answer, where a repeated request is to be answered with it again. */
  readonly event?: RoomEvent
}

type Reply<T extends ClientEventType> =
  ReplyType<T> extends ServerEventType ? ServerPayload<ReplyType<T>> | Answered : void

/** What the server does about an event. It waits only where it must: what returns no promise holds nobody up. */
export type Handler<T extends ClientEventType> = (call: Call<T>) => Reply<T> | Promise<Reply<T>>

/** The events that have a handler: all but the hello, which the session takes itself. */
export type HandledType = Exclude<ClientEventType, 'system.hello'>

/** A handler for each event of a part of the table; the compiler names the one that is missing. */
export type Handlers<T extends HandledType> = { readonly [K in T]: Handler<K> }

/** An area that keeps something between two peers for as long as it goes on. */
export interface OpenArea<T extends HandledType> extends Area<T> {
  /** How much of that lives on this node. */
  readonly open: () => number
}

/** An area: its handlers, and what it has to end when somebody leaves or may less than before. Hooks must not wait. */
export interface Area<T extends HandledType> {
  readonly handlers: Handlers<T>
  /** The occupant has just left: the room's state no longer holds it. */
  readonly left?: (occupant: Occupant, cause: LeaveCause) => void
  /** The socket of the occupant's peer went away or came back. */
  readonly connectivity?: (occupant: Occupant) => void
  /** The occupant was demoted, or the policy of the room changed. */
  readonly restricted?: (occupant: Occupant, cause: 'role' | 'policy') => void
  /** A signing key was revoked: what was opened with its tokens has to end. */
  readonly keyRevoked?: (kid: string) => void
  /** A durable event is known, from whichever node. Its turn to be told may not have come, and it may come here twice. */
  readonly stored?: (room: LiveRoom, event: RoomEvent) => void
}
