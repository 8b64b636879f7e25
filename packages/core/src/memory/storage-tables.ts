import type { Role } from '../acl.ts'
import type {
  DeadLetter,
  Delivery,
  Device,
  Enrolment,
  Invite,
  Login,
  Member,
  NewDelivery,
  NewEvent,
  NotifyTarget,
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
  /** {@link Tables.deliveries}, where what is to be delivered because of an event goes. */
  deliveries: Map<string, Delivery>
}

/** Everything the memory storage knows. */
export interface Tables {
  users: Map<string, User>
  /** The user id behind a login name, by `nameKey`. */
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
  /** What waits to be delivered, by {@link keyOf} channel and topic. */
  deliveries: Map<string, Delivery>
  /** The latest last. */
  deadLetters: DeadLetter[]
  notifyTargets: Map<string, NotifyTarget>
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
    deliveries: new Map(),
    deadLetters: [],
    notifyTargets: new Map(),
    once: new Map(),
  }
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
  for (const delivery of event.deliveries ?? []) {
    const topic = `${stored.room_id} ${delivery.topic}`
    const fresh = deliveryOf({ ...delivery, topic }, { room_id: stored.room_id, after: seq - 1, at })
    join(record.deliveries, fresh, delivery)
  }
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

/** A delivery that nobody has tried yet. */
export const untried = { attempts: 0, claim: '', reason: '' }

/** A delivery as it begins to wait. */
export function deliveryOf(
  { channel, topic, kind, from_id = '', to_id = '', due_at }: NewDelivery,
  { room_id, after, at }: { room_id: string; after: number; at: number },
): Delivery {
  return { channel, topic, kind, room_id, from_id, to_id, after, created_at: at, due_at, count: 1, ...untried }
}

/** Adds a delivery to those that wait, or to the one of its topic. */
export function join(
  waiting: Map<string, Delivery>,
  delivery: Delivery,
  { every = false }: Pick<NewDelivery, 'every'> = {},
): void {
  const key = keyOf(delivery.channel, delivery.topic)
  const known = waiting.get(key)
  if (!known) return void waiting.set(key, delivery)
  if (every) known.count = delivery.after + delivery.count - known.after
  else Object.assign(known, { count: known.count + delivery.count, created_at: delivery.created_at })
  if (known.room_id !== delivery.room_id) known.room_id = ''
  if (known.from_id !== delivery.from_id) known.from_id = ''
}
