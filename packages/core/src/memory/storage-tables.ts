import type { Role } from '../acl.ts'
import type {
  Device,
  Enrolment,
  Invite,
  Login,
  Member,
  NewEvent,
  Revocation,
  Room,
  RoomEvent,
  Terminal,
  User,
} from '../ports/index.ts'

/** JSON text in place of an object, so that nobody outside holds a reference into the store. */
type AsText<T, Key extends keyof T> = Omit<T, Key> & { readonly [K in Key]: string }

/** An event as it is kept. */
export type StoredEvent = AsText<RoomEvent, 'payload'>

/** A member as it is kept: the name lives with the user. */
export type StoredMember = Omit<Member, 'username'>

/** An invitation as it is kept, with what makes it good. */
export type StoredInvite = Invite & { code_hash: string; member_seq: number | null }

/** A room with everything that goes when it is deleted. */
export interface RoomRecord {
  room: AsText<Room, 'policy'>
  members: Map<string, StoredMember>
  invites: Map<string, StoredInvite>
  /** The event of `seq` stands at `seq` - 1. */
  events: StoredEvent[]
  /** The latest missed call of a pair of users: its `seq`. */
  missed: Map<string, number>
  /** Keys into {@link Tables.once}. */
  once: Set<string>
  /** {@link Tables.audit}, which hears of the decisions among the events. */
  audit: string[]
}

/** Everything the memory storage knows. */
export interface Tables {
  users: Map<string, User>
  /** The user id behind a login name, by {@link nameKey}. */
  names: Map<string, string>
  logins: Map<string, Login>
  revocations: Map<string, Revocation>
  devices: Map<string, Device>
  /** By `code_hash`. */
  enrolments: Map<string, Enrolment>
  /** Until when a `jti` is remembered, by {@link keyOf} device and `jti`. */
  assertions: Map<string, { device_id: string; keep_until: number }>
  rooms: Map<string, RoomRecord>
  terminals: Map<string, Terminal>
  /** The audit log, each entry as JSON. */
  audit: string[]
  /** What was appended with `once`, by {@link keyOf} sender and id. */
  once: Map<string, { room_id: string; seq: number; digest: string }>
}

/** Hands out the tables. @throws MeshError UNAVAILABLE once the storage is closed */
export type OpenTables = () => Tables

export function createTables(): Tables {
  return {
    users: new Map(),
    names: new Map(),
    logins: new Map(),
    revocations: new Map(),
    devices: new Map(),
    enrolments: new Map(),
    assertions: new Map(),
    rooms: new Map(),
    terminals: new Map(),
    audit: [],
    once: new Map(),
  }
}

/** What two login names have in common when they differ in case or in compatibility forms only. */
export function nameKey(username: string): string {
  // Lower case can leave NFKC again (U+0130), hence twice.
  return username.normalize('NFKC').toLowerCase().normalize('NFKC')
}

/** One map key of several parts, whatever characters they hold. */
export function keyOf(...parts: string[]): string {
  return JSON.stringify(parts)
}

/** Puts an event at the end of a room's log; throws before anything is changed when the payload is not JSON. */
export function appendTo(record: RoomRecord, event: NewEvent): StoredEvent {
  const { id, type, from, at } = event
  const seq = record.room.seq + 1
  const stored = { room_id: record.room.room_id, seq, id, type, from, at, payload: JSON.stringify(event.payload) }
  if (event.audit) record.audit.push(JSON.stringify({ at, room_id: stored.room_id, ...event.audit }))
  record.events.push(stored)
  record.room.seq = seq
  return stored
}

/** Makes somebody a member as of the room's latest event. */
export function addMember({ room, members }: RoomRecord, user_id: string, role: Role, created_at: number): void {
  const { room_id, seq } = room
  members.set(user_id, { room_id, user_id, role, member_seq: seq, joined_seq: seq, created_at })
}

/** A copy of a stored event for the outside. */
export function eventOf(stored: StoredEvent): RoomEvent {
  return { ...stored, payload: JSON.parse(stored.payload) as Record<string, unknown> }
}
