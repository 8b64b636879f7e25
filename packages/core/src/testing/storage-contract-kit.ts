import type { NewEvent, RoomEvent, Storage } from '../ports/index.ts'

/** One promise of the storage port, as a test without a framework: `run` rejects when the promise is broken. */
export interface StorageCase {
  readonly name: string
  /** Wants a fresh, empty storage of its own; leaves closing it to the caller. */
  run(storage: Storage): Promise<void>
}

/** Fails the case with `what` unless `condition` holds. */
export function ok(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what)
}

/** Fails the case unless both values are the same down to the leaves; an undefined property counts as absent. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (text(actual) !== text(expected)) throw new Error(`${what}: expected ${text(expected)}, got ${text(actual)}`)
}

/** Fails the case unless the promise rejects; resolves with the reason. */
export async function rejects(promise: Promise<unknown>, what: string): Promise<Error> {
  const reason = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  ok(reason instanceof Error, `${what}: expected an error`)
  return reason
}

/** Adds built-in users with these ids, and `<id> name` as their names. */
export async function addUsers(storage: Storage, ...ids: string[]): Promise<void> {
  for (const id of ids) same(await storage.users.create(userOf(id)), 'created', `user ${id}`)
}

/** A built-in user. */
export function userOf(user_id: string, username = `${user_id} name`) {
  return { user_id, username, hashed_password: '$2b$12$hash', admin: false, disabled: false, created_at: 1_000 }
}

/** Adds a room of this owner; its first event has `seq` 1. */
export async function addRoom(storage: Storage, room_id: string, owner_user_id: string): Promise<RoomEvent> {
  return storage.rooms.create({ room_id, name: `${room_id} name`, owner_user_id, created_at: 2_000 }, eventOf(room_id))
}

/** An event that carries `id` in its payload too. */
export function eventOf(id: string, type = 'chat.message.created', at = 3_000): NewEvent {
  return { id, type, from: 'server', at, payload: { text: id } }
}

/** The two events of a membership change. */
export function memberEvents(id: string) {
  return { added: eventOf(id, 'room.member.added'), updated: eventOf(id, 'room.member.updated') }
}

/** Makes somebody a member, whatever they were before. Resolves with the `seq` of the change. */
export async function setRole(
  storage: Storage,
  room_id: string,
  user_id: string,
  role: 'owner' | 'member' | 'guest',
): Promise<number> {
  const result = await storage.rooms.setMember(
    { room_id, user_id, role, at: 4_000 },
    memberEvents(`${user_id}-${role}`),
  )
  ok('event' in result, `${user_id} as ${role}: ${result.outcome}`)
  return result.event.seq
}

/** The `seq` of the room's latest event, and that its log is gapless up to there. */
export async function gaplessSeq(storage: Storage, room_id: string): Promise<number> {
  const events = await storage.events.list(room_id, { after: 0, limit: 10_000 })
  const seqs = events.map(({ seq }) => seq)
  same(seqs, range(1, events.length), 'the log is gapless from 1 on')
  same((await storage.rooms.find(room_id))?.seq, events.length, 'the room knows its latest seq')
  return events.length
}

/** The whole numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => first + index)
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (isRecord(part) ? sorted(part) : part)) ?? 'undefined'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sorted(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
