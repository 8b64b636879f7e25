import type { Member, NewEvent, Room, RoomEvent, RoomPolicy, User } from '@mesh/core'
import { nameKey } from './name-key.ts'
import type { EventTable, MemberTable, RoomTable, UserTable } from './tables.ts'

/** The one place where rows become what the storage port speaks of, and back. */
export const toUser = (row: UserTable): User => ({
  user_id: row.user_id,
  username: row.username,
  hashed_password: row.hashed_password,
  admin: row.admin === 1,
  disabled: row.disabled === 1,
  created_at: row.created_at,
})

/** The row of a user; only an account with a password of its own has a login name. */
export const fromUser = (user: User): UserTable => ({
  user_id: user.user_id,
  username: user.username,
  name_key: user.hashed_password === null ? null : nameKey(user.username),
  hashed_password: user.hashed_password,
  admin: user.admin ? 1 : 0,
  disabled: user.disabled ? 1 : 0,
  created_at: user.created_at,
})

/** A room out of its row. The policy was written by this code, and is trusted to be one. */
export const toRoom = (row: RoomTable): Room => ({
  room_id: row.room_id,
  name: row.name,
  owner_user_id: row.owner_user_id,
  created_at: row.created_at,
  policy: JSON.parse(row.policy) as RoomPolicy,
  policy_seq: row.policy_seq,
  seq: row.seq,
})

/** A member out of a row of `mesh_member` joined with the user's name. */
export const toMember = (row: MemberTable & { username: string }): Member => ({
  room_id: row.room_id,
  user_id: row.user_id,
  username: row.username,
  role: row.role,
  member_seq: row.member_seq,
  joined_seq: row.joined_seq,
  created_at: row.created_at,
})

/** An event out of its row. */
export const toEvent = (row: EventTable): RoomEvent => ({
  room_id: row.room_id,
  seq: row.seq,
  id: row.id,
  type: row.type,
  from: row.from_id,
  at: row.at,
  payload: JSON.parse(row.payload) as Record<string, unknown>,
})

/** The row of an event in its place. */
export const fromEvent = (room_id: string, seq: number, event: NewEvent): EventTable => ({
  room_id,
  seq,
  id: event.id,
  type: event.type,
  from_id: event.from,
  at: event.at,
  payload: JSON.stringify(event.payload),
})
