import type { Role } from '../acl.ts'
import type { LeaveCause, Outbound } from '../context.ts'

/** Who a peer is, as other nodes have to know it. */
export interface PeerCard {
  peer_id: string
  user_id: string
  username: string
  identity: string
  device_id?: string | undefined
  device_jkt?: string | undefined
  sid?: string | undefined
  kid?: string | undefined
  /** Its socket is gone and may come back. */
  reconnecting: boolean
}

/** A peer of the sender in a room, with what the room is shown of it. */
export interface Place {
  room_id: string
  role: Role
  member_seq: number
  status: 'online' | 'away' | 'busy'
  note?: string | undefined
  last_seen: number
}

/** A peer and where it is. */
export interface Placed {
  peer: PeerCard
  places: Place[]
}

/**
 * What a node tells all others, numbered: who of its peers is where. A node that misses a number asks for everything
 * again, and gets it in the same order.
 */
export type Told =
  | { kind: 'in'; peer: PeerCard; place: Place }
  | { kind: 'out'; peer_id: string; room_id: string; cause: LeaveCause }
  /** Everything, for those that asked, in parts that follow each other; its number is that of the latest thing told. */
  | { kind: 'all'; part: number; isLast: boolean; peers: Placed[] }
  /** Still there; its number is that of the latest thing told. */
  | { kind: 'beat' }
  /** This node stops. */
  | { kind: 'gone' }

/** Something told, by whom, and as the how manieth. */
export type Numbered = Told & { node: string; n: number }

/** What goes over a bridge: between the node that has a client's socket and the one that has its session. */
export type Bridging =
  | { is: 'open'; address: string; size: number; authorization?: string; cookie?: string }
  /** A frame of the client, and one for it. */
  | { is: 'in'; size: number }
  | { is: 'out' }
  /** The client gave a sign of life; it is asked for one. */
  | { is: 'alive' }
  | { is: 'ping' }
  /** The client's socket has closed; the session wants it closed. */
  | { is: 'end'; code?: number; reason?: string }
  | { is: 'close'; code: number; reason: string }

/** What one node has for another. Texts of clients stand behind the line, where nothing has to escape them. */
export type Direct = (
  | /** Tell me everything. */ { kind: 'ask' }
  /** So many messages of yours have come. */
  | { kind: 'got'; upto: number; life: number }
  /** So many were sent to you: have they come? */
  | { kind: 'sent'; upto: number; life: number }
  /** From this one on they did not. */
  | { kind: 'again'; from: number; life: number }
  /** You were not heard for so long that all we had with each other, so many messages of mine, is over: begin anew. */
  | { kind: 'over'; upto: number; life: number }
  /** What stood here is not needed any more. */
  | { kind: 'nothing' }
  /** A frame for a peer of yours. */
  | {
      kind: 'frame'
      to: string
      as: Outbound['kind']
      room_id?: string | undefined
      from?: string | undefined
      id?: string | undefined
    }
  /** A session in which a peer of yours has part lives here, or has ended. */
  | { kind: 'home'; peer_id: string; session_id: string; isOpen: boolean }
  /** A client has its socket on one of us and its session on the other. */
  | { kind: 'bridge'; bridge: string; what: Bridging }
  /** A frame of a peer of mine, about a session that lives with you. */
  | { kind: 'call'; peer_id: string; size: number }
) & {
  /** Who sends it. */
  node: string
  /** The how manieth it is to this node, where it must not get lost, and since which beginning that is counted. */
  n?: number
  life?: number
  /** How many of the receiver's messages had come when it was sent, and since which of its beginnings. */
  got?: { upto: number; life: number } | undefined
  /** The sender had given the receiver up before it said this: all from before that is over. */
  isAnew?: true | undefined
}

/** What all nodes listen to, and what one does. */
export const everybody = 'cluster'
export const topicOf = (node: string) => `node:${node}`

/** Writes a message for one node. */
export function write(message: Direct, text = ''): string {
  return `${JSON.stringify(message)}\n${text}`
}

/** Reads one. What comes over the bus was written by the same code. */
export function read(written: string): { message: Direct; text: string } {
  const end = written.indexOf('\n')
  return { message: JSON.parse(written.slice(0, end)) as Direct, text: written.slice(end + 1) }
}
