import type { Role, RoomPolicy } from './acl.ts'
import type { CloseReason } from './errors.ts'
import type { Principal } from './principal.ts'
import type { ServerPayload } from './protocol.ts'
import type { OutboundFrame } from './transport.ts'

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
  /** It has gone out to whom it could: from now on it is only kept, as its text. */
  served(): void
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
