import type { Invite } from '@mesh/core'
import { toInvite } from './rows.ts'
import type { Db } from './tables.ts'

/** Invitations that are good now: not expired, and their maker is what they were when they made them. */
export const goodInvites = (db: Db, now: number) =>
  db
    .selectFrom('mesh_invite')
    .leftJoin('mesh_member', (join) =>
      join
        .onRef('mesh_member.room_id', '=', 'mesh_invite.room_id')
        .onRef('mesh_member.user_id', '=', 'mesh_invite.created_by')
        .onRef('mesh_member.member_seq', '=', 'mesh_invite.member_seq'),
    )
    .leftJoin('mesh_user', 'mesh_user.user_id', 'mesh_member.user_id')
    .selectAll('mesh_invite')
    .where('mesh_invite.expires_at', '>', now)
    .where((eb) => eb.or([eb('mesh_invite.created_by', 'is', null), eb('mesh_user.disabled', '=', 0)]))

/** Finds a good invitation by the hash of its code. */
export async function findInvite(db: Db, code_hash: string, now: number): Promise<Invite | undefined> {
  const row = await goodInvites(db, now).where('mesh_invite.code_hash', '=', code_hash).executeTakeFirst()
  return row && toInvite(row)
}

/** The good ones of a room that are not used up, by ascending id. */
export async function listInvites(
  db: Db,
  room_id: string,
  { after, limit, now }: { after?: string | undefined; limit: number; now: number },
): Promise<Invite[]> {
  const rows = await openInvites(db, room_id, now)
    .$if(after !== undefined, (query) => query.where('mesh_invite.invite_id', '>', after ?? ''))
    .orderBy('mesh_invite.invite_id')
    .limit(limit)
    .execute()
  return rows.map(toInvite)
}

/** Those of a room that would let somebody in. */
export const openInvites = (db: Db, room_id: string, now: number) =>
  goodInvites(db, now)
    .where('mesh_invite.room_id', '=', room_id)
    .whereRef('mesh_invite.uses', '<', 'mesh_invite.max_uses')
