import type { Invite, NewEvent, RoomEvent } from '@mesh/core'
import { goodInvites, openInvites } from '../invites.ts'
import type { Db } from '../tables.ts'
import { appendTo, lockRoom } from './log.ts'
import { addMember, findMember, userExists } from './members.ts'

/** Adds an invitation; the room's expired ones go. */
export async function createInvite(
  db: Db,
  invite: Omit<Invite, 'uses'>,
  { code_hash, member_seq, most }: { code_hash: string; member_seq: number | null; most: number },
): Promise<'created' | 'denied' | 'full' | 'missing'> {
  const { room_id, created_by, created_at } = invite
  if (!(await lockRoom(db, room_id))) return 'missing'
  await db.deleteFrom('mesh_invite').where('room_id', '=', room_id).where('expires_at', '<=', created_at).execute()
  if (created_by !== null) {
    if ((await findMember(db, room_id, created_by))?.member_seq !== member_seq) return 'denied'
    const own = openInvites(db, room_id, created_at).where('mesh_invite.created_by', '=', created_by)
    if ((await own.limit(most).execute()).length === most) return 'full'
  }
  await db
    .insertInto('mesh_invite')
    .values({ ...invite, code_hash, member_seq, uses: 0 })
    .execute()
  return 'created'
}

/** Makes somebody a member by an invitation, and counts the use. */
export async function acceptInvite(
  db: Db,
  { room_id, invite_id, user_id, now }: { room_id: string; invite_id: string; user_id: string; now: number },
  event: NewEvent,
): Promise<{ outcome: 'added'; event: RoomEvent } | { outcome: 'unchanged' | 'missing' }> {
  const room = await lockRoom(db, room_id)
  const ofRoom = goodInvites(db, now).where('mesh_invite.room_id', '=', room_id)
  const invite = await ofRoom.where('invite_id', '=', invite_id).executeTakeFirst()
  if (!room || !invite || !(await userExists(db, user_id))) return { outcome: 'missing' }
  if (await findMember(db, room_id, user_id)) return { outcome: 'unchanged' }
  const { role, uses, max_uses } = invite
  if (uses >= max_uses) return { outcome: 'missing' }
  await db
    .updateTable('mesh_invite')
    .set({ uses: uses + 1 })
    .where('invite_id', '=', invite_id)
    .execute()
  const appended = await appendTo(db, room, event)
  await addMember(db, { room_id, user_id, role, created_at: now }, appended.seq)
  return { outcome: 'added', event: appended }
}

/** Takes an invitation back. */
export async function revokeInvite(db: Db, room_id: string, invite_id: string): Promise<boolean> {
  const deleted = await db
    .deleteFrom('mesh_invite')
    .where('room_id', '=', room_id)
    .where('invite_id', '=', invite_id)
    .returning('invite_id')
    .execute()
  return deleted.length > 0
}
