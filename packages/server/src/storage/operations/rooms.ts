import type { AuditEntry, NewEvent, Room, RoomEvent, RoomPolicy } from '@mesh/core'
import type { Db } from '../tables.ts'
import { appendAudit } from './audit.ts'
import { appendTo, lockRoom } from './log.ts'
import { addMember } from './members.ts'

/** Adds a room with its owner as the one member and `event` as its first event. */
export async function createRoom(
  db: Db,
  { room_id, name, owner_user_id, created_at }: Pick<Room, 'room_id' | 'name' | 'owner_user_id' | 'created_at'>,
  event: NewEvent,
): Promise<RoomEvent> {
  await db
    .insertInto('mesh_room')
    .values({ room_id, name, owner_user_id, created_at, policy: '{}', policy_seq: 1, seq: 0 })
    .execute()
  await addMember(db, { room_id, user_id: owner_user_id, role: 'owner', created_at }, 1)
  return appendTo(db, { room_id, seq: 0 }, event)
}

/** Changes name or policy and appends the event. */
export async function updateRoom(
  db: Db,
  room_id: string,
  { name, policy }: { name?: string; policy?: RoomPolicy },
  event: NewEvent,
): Promise<RoomEvent | undefined> {
  const room = await lockRoom(db, room_id)
  if (!room) return undefined
  const appended = await appendTo(db, room, event)
  if (name !== undefined || policy !== undefined) {
    await db
      .updateTable('mesh_room')
      .set({
        ...(name !== undefined && { name }),
        ...(policy !== undefined && { policy: JSON.stringify(policy), policy_seq: appended.seq }),
      })
      .where('room_id', '=', room_id)
      .execute()
  }
  return appended
}

/** Deletes the room; its members and events go with it by foreign key. */
export async function deleteRoom(db: Db, room_id: string, audit?: AuditEntry): Promise<boolean> {
  const deleted = await db.deleteFrom('mesh_room').where('room_id', '=', room_id).returning('room_id').execute()
  if (deleted.length === 0) return false
  if (audit) await appendAudit(db, audit)
  return true
}
