import type { Login } from '@mesh/core'
import type { Db } from '../tables.ts'

/** A secret that takes the place of another. */
export interface Rotation {
  sid: string
  secret_hash: string
  next_hash: string
  now: number
  expires_at: number
}

/** Adds a login of a user that exists. */
export async function createLogin(db: Db, login: Omit<Login, 'revoked_at'>): Promise<void> {
  const { sid, user_id, secret_hash, created_at, expires_at } = login
  await db
    .insertInto('mesh_login')
    .values({ sid, user_id, secret_hash, created_at, expires_at, revoked_at: null })
    .execute()
}

/** Puts a new secret in the place of the current one; kills the login when `secret_hash` is not the current one. */
export async function rotateLogin(
  db: Db,
  { sid, secret_hash, next_hash, now, expires_at }: Rotation,
): Promise<{ outcome: 'rotated'; login: Login } | { outcome: 'reused' | 'unknown' }> {
  const live = db.updateTable('mesh_login').where('sid', '=', sid).where('revoked_at', 'is', null)
  // The test and the change are one statement, so that of two holders of a secret only one can pass.
  const login = await live
    .where('expires_at', '>', now)
    .where('secret_hash', '=', secret_hash)
    .set({ secret_hash: next_hash, expires_at })
    .returningAll()
    .executeTakeFirst()
  if (login) return { outcome: 'rotated', login }
  const killed = await live.where('expires_at', '>', now).set({ revoked_at: now }).returning('sid').executeTakeFirst()
  return { outcome: killed ? 'reused' : 'unknown' }
}

/** Ends a login, or every login of a user. Resolves with the ids of those that it ended. */
export async function revokeLogins(
  db: Db,
  which: { sid: string } | { user_id: string },
  now: number,
): Promise<string[]> {
  const live = db.updateTable('mesh_login').set({ revoked_at: now }).where('revoked_at', 'is', null)
  const meant = 'sid' in which ? live.where('sid', '=', which.sid) : live.where('user_id', '=', which.user_id)
  const ended = await meant.returning('sid').execute()
  return ended.map(({ sid }) => sid).sort()
}
