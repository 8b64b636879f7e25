import type { RoomEvent } from '../../ports/index.ts'
import type { Envelope } from '../../protocol.ts'

/** A frame as it went over the wire, in either direction; errors carry their code at the top. */
export type Wire = Envelope<string, Readonly<Record<string, unknown>>> & { readonly code?: string }

/** Whose connections are ended. */
export type Barred = { user_id: string } | { sid: string }

/** What happened, one thing at a time. `conn` names one connection, `node` one life of one node. */
export type Happening =
  /** A node has begun; the ids of its sessions end with `id`. */
  | { kind: 'begin'; node: string; id: string }
  /** The wall clock of a node says this now and runs on from there: at its start, and when it is set. */
  | { kind: 'clock'; node: string; now: number }
  /** A node took a connection of a user. */
  | {
      kind: 'open'
      conn: number
      node: string
      client: string
      user_id: string
      device_id: string | undefined
      sid: string
    }
  /** A client wrote a frame. */
  | { kind: 'send'; conn: number; frame: Wire }
  /** A node was given the frame. */
  | { kind: 'take'; conn: number; frame: Wire }
  /** A node gave a frame to the socket: from here on nobody can take it back. */
  | { kind: 'hand'; conn: number; frame: Wire }
  /** The client got the frame. */
  | { kind: 'receive'; conn: number; frame: Wire }
  /** A node closed the connection. */
  | { kind: 'close'; conn: number; code: number }
  /** A node was told that the socket is closed. */
  | { kind: 'gone'; conn: number }
  /** The client was told, or gave up by itself. */
  | { kind: 'lost'; conn: number; code: number }
  /** The storage made an event durable, or a room disappear. */
  | { kind: 'commit'; event: RoomEvent }
  | { kind: 'deleted'; room_id: string }
  /** A node was given a durable event: by the bus, as the result of its own write, or from a list. */
  | { kind: 'learn'; node: string; event: RoomEvent }
  /** A node read a membership. */
  | { kind: 'member'; node: string; room_id: string; user_id: string; member_seq: number }
  /** The storage disabled a user or ended a login: their connections are to end. */
  | { kind: 'revoke'; which: Barred }
  /** A node was told to end the connections of a user or login. */
  | { kind: 'bar'; node: string; which: Barred }
  /** The administrator asked for something, and what came of it. */
  | { kind: 'admin'; what: string; outcome: string }
  /** Something was broken on purpose. */
  | { kind: 'fault'; fault: string; node?: string }
  /** Something broke by itself: what must never be. */
  | { kind: 'broken'; node: string; what: string }

/** One line of a history: when (monotonic, in milliseconds) and in which step of the scheduler. */
export type Entry = { readonly at: number; readonly step: number } & Readonly<Happening>

/** The entries of one kind. */
export type EntryOf<K extends Happening['kind']> = Extract<Entry, { kind: K }>

/** All of a run, which the invariants are checked on. */
export interface History {
  readonly entries: readonly Entry[]
  /** What the storage holds at the end: the events of each room that still exists, and its members. */
  readonly rooms: ReadonlyMap<string, { events: readonly RoomEvent[]; members: ReadonlySet<string> }>
  /** How long a signal may wait before it may be given up, in milliseconds. */
  readonly signalLife: number
  /** Whether everything was healed and told at the end, so that all are to be level. */
  readonly isSettled: boolean
}

/** 53 bits that stand for a whole history: two runs under one seed must agree on it. */
export function fingerprintOf({ entries }: History): string {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (const entry of entries) {
    const text = JSON.stringify(entry)
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      a = Math.imul(a ^ unit, 2_654_435_761)
      b = Math.imul(b ^ unit, 1_597_334_677)
    }
  }
  return (4_294_967_296 * (2_097_151 & b) + (a >>> 0)).toString(16)
}
