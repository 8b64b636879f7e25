import type { NewEvent, Role, RoomEvent } from '@mesh/core'
import type { Db, MemberTable } from '../tables.ts'
import { appendTo, lockRoom } from './log.ts'

/** Adds a member or changes a role and appends the fitting event. */
export async function setMember(
  db: Db,
  { room_id, user_id, role, at }: { room_id: string; user_id: string; role: Role; at: number },
  events: { added: NewEvent; updated: NewEvent },
): Promise<
  | { outcome: 'added' | 'updated'; event: RoomEvent; previous: Role | undefined }
  | { outcome: 'unchanged' | 'last_owner' | 'missing' }
> {
  const room = await lockRoom(db, room_id)
  if (!room || !(await userExists(db, user_id))) return { outcome: 'missing' }
  const known = await findMember(db, room_id, user_id)
  if (!known) {
    const event = await appendTo(db, room, events.added)
    await addMember(db, { room_id, user_id, role, created_at: at }, event.seq)
    return { outcome: 'added', event, previous: undefined }
  }
  if (known.role === role) return { outcome: 'unchanged' }
  if (await isLastOwner(db, known)) return { outcome: 'last_owner' }
  const event = await appendTo(db, room, events.updated)
  await db
    .updateTable('mesh_member')
    .set({ role, member_seq: event.seq })
    .where('room_id', '=', room_id)
    .where('user_id', '=', user_id)
    .execute()
  return { outcome: 'updated', event, previous: known.role }
}

/** Removes a member and appends the event. */
export async function removeMember(
  db: Db,
  { room_id, user_id }: { room_id: string; user_id: string },
  event: NewEvent,
): Promise<{ outcome: 'removed'; event: RoomEvent } | { outcome: 'last_owner' | 'missing' }> {
  const room = await lockRoom(db, room_id)
  const known = await findMember(db, room_id, user_id)
  if (!room || !known) return { outcome: 'missing' }
  if (await isLastOwner(db, known)) return { outcome: 'last_owner' }
  const appended = await appendTo(db, room, event)
  await db.deleteFrom('mesh_member').where('room_id', '=', room_id).where('user_id', '=', user_id).execute()
  return { outcome: 'removed', event: appended }
}

/** Adds the row of a member, as of the event with this `seq`. */
export async function addMember(
  db: Db,
  member: Pick<MemberTable, 'room_id' | 'user_id' | 'role' | 'created_at'>,
  seq: number,
): Promise<void> {
  await db
    .insertInto('mesh_member')
    .values({ ...member, member_seq: seq, joined_seq: seq })
    .execute()
}

/** Whether there is such a user at all. */
export async function userExists(db: Db, user_id: string): Promise<boolean> {
  const row = await db.selectFrom('mesh_user').select('user_id').where('user_id', '=', user_id).executeTakeFirst()
  return row !== undefined
}

/** The member's own row, without the user's name. */
export async function findMember(db: Db, room_id: string, user_id: string): Promise<MemberTable | undefined> {
  return db
    .selectFrom('mesh_member')
    .selectAll()
    .where('room_id', '=', room_id)
    .where('user_id', '=', user_id)
    .executeTakeFirst()
}

async function isLastOwner(db: Db, member: MemberTable): Promise<boolean> {
  if (member.role !== 'owner') return false
  const other = await db
    .selectFrom('mesh_member')
    .select('user_id')
    .where('room_id', '=', member.room_id)
    .where('role', '=', 'owner')
    .where('user_id', '!=', member.user_id)
    .limit(1)
    .executeTakeFirst()
  return !other
}
