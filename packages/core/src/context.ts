import type { Role, RoomPolicy } from './acl.ts'
import type { Audit } from './audit.ts'
import type { CloseReason } from './errors.ts'
import type { ClientFrame } from './frame.ts'
import type { Ids } from './ids.ts'
import type { Limits } from './limits.ts'
import type { Clock, Logger, Member, Room, RoomEvent, Storage, Terminal } from './ports/index.ts'
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
import type { OutboundFrame } from './transport.ts'

/** Who somebody is, as the authentication found out. */
export interface Principal {
  user_id: string
  username: string
  /** The device, where an agent authenticated with its own key. */
  device_id?: string | undefined
  /** Thumbprint (RFC 7638) of the device's key, where it proved that it has it; its capability tokens are bound to it. */
  device_jkt?: string | undefined
  /** The login that the token belongs to; ending it ends every connection and capability made with it. */
  sid?: string | undefined
  /** The key that signed the access token; revoking it closes every connection that came in with it. */
  kid?: string | undefined
  /** May administer users. */
  admin?: boolean | undefined
  /** When the token was issued, milliseconds since 1970: none that is older takes its place. */
  issued_at?: number | undefined
  /** When to ask again, milliseconds since 1970. */
  expires_at?: number | undefined
  /** The network address that they come from, where it is known. */
  address?: string | undefined
  /** What the host application said of its own user, for its hooks to see again; never sent to anybody. */
  host?: object | undefined
  /** The access token that what they came with was exchanged for; told to this client alone, and not kept. */
  issued?: IssuedToken | undefined
}

/** An access token on its way to its owner. `expires_in` in seconds. */
export interface IssuedToken {
  readonly access_token: string
  readonly expires_in: number
}

/** One connected peer, as the areas see it. */
export interface Peer extends Readonly<Principal> {
  readonly peer_id: string
  /** The device, or the user where there is none: whom limits and repeated ids belong to. */
  readonly identity: string
  /** Whether it is connected to this node; its own node is the one that tells it what happens in its rooms. */
  readonly isHere: boolean
  /** Its socket is gone and may come back: what belongs to its open sessions waits for it, nothing new is begun with it. */
  readonly reconnecting: boolean
  /** The rooms that this peer has joined. */
  readonly rooms: ReadonlyMap<string, Occupant>
  /** Notes that the peer is in a room, or no longer. */
  entered(occupant: Occupant): void
  exited(occupant: Occupant): void
  /** Puts another access token of the same identity in force; resolves with what it says. @throws MeshError AUTH_* */
  refresh(token: string): Promise<Principal>
  /** Sends a finished frame as soon as the peer takes it, or never when it is gone for good. */
  send(frame: Outbound): void
  /** Sends an error, as the answer to the request `reply_to` where there is one. */
  fail(error: unknown, reply_to: string | undefined): void
  /** The client has taken in so many frames. @throws MeshError BAD_MESSAGE when it was not sent so many */
  acknowledge(received: number): void
  /** Takes back what of a room has not reached the peer. */
  purge(room: LiveRoom): void
  /** Ends the connection; from this moment on it neither acts nor receives. */
  close(reason: CloseReason): void
}

/** A finished frame, with what decides about it when its receiver does not keep up. */
export interface Outbound extends OutboundFrame {
  /**
   * `presence` goes first, and only its latest state counts; a `signal` is of no use when it is late; `system` is about the
   * connection itself and needs no access; `event` is all the rest. These two are never left out.
   */
  readonly kind: 'system' | 'event' | 'signal' | 'presence'
  /** The room it belongs to: gone for whoever is removed from there. */
  readonly room: LiveRoom | undefined
  /** Whose presence it is, or who sent the signal and hears if it is given up. */
  readonly from: Peer | undefined
  /** The id of a signal. */
  readonly id: string | undefined
}

/** A peer in a room. Role and versions follow every change at once, so that a check needs no database. */
export interface Occupant {
  readonly peer: Peer
  readonly room: LiveRoom
  role: Role
  /** `seq` of the event that last changed the membership. */
  member_seq: number
  /** `seq` of the latest durable event that the peer knows. */
  seq: number
  presence: Presence
}

/** What the room knows of a peer's availability. */
export interface Presence {
  status: 'online' | 'away' | 'busy'
  note: string | undefined
  /** Milliseconds since 1970. */
  last_seen: number
  /** When the room was last told, monotonic; until `interval` has passed the next state waits for its timer. */
  told_at: number
  cancel: (() => void) | undefined
}

/** A room that at least one peer of this node has joined, with the peers of all nodes. */
export interface LiveRoom {
  readonly room_id: string
  name: string
  policy: RoomPolicy
  policy_seq: number
  /** `seq` of the latest event told to this node's peers. */
  seq: number
  /** How many peers are on their way in; the room stays live for them. */
  entering: number
  /** How many of the occupants are connected to this node. */
  here: number
  readonly occupants: Map<string, Occupant>
}

/** Why a peer is no longer in a room. */
export type LeaveReason = ServerPayload<'room.left'>['reason']

/** Why, as areas need to know it: access that was taken away looks to the room like a lost connection. */
export type LeaveCause = LeaveReason | 'revoked'

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
  /** The peers of a room that a peer, device or user id means, other than the one that asks, and there to be asked. */
  targetsOf(asking: Occupant, to: string): Peer[]
  /** Takes a peer out of a room and tells everybody concerned. */
  leave(occupant: Occupant, cause: LeaveCause): void
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

/** What of somebody in a room decides about a capability token: an {@link Occupant}, or a member who has not joined. */
export type Holder = Pick<Occupant, 'peer' | 'role' | 'member_seq'> & {
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
