import type { NewLogin, RotateResult, Rotation } from '@mesh/core'
import type { Db } from '../tables.ts'

/** Adds a login of a user that exists. */
export async function createLogin(db: Db, login: NewLogin): Promise<void> {
  const { sid, user_id, token_key, secret_hash, created_at, expires_at } = login
  const unused = { parent_hash: null, generation: 0, rotated_at: created_at, revoked_at: null }
  await db
    .insertInto('mesh_login')
    .values({ sid, user_id, token_key, secret_hash, created_at, expires_at, ...unused })
    .execute()
}

/** Uses up a refresh token, judged by what its login and user are at this moment. */
export async function rotateLogin(db: Db, rotation: Rotation): Promise<RotateResult> {
  const { sid, secret_hash, generation, next_hash, now, expires_at, grace_ms } = rotation
  const row = db.updateTable('mesh_login').where('sid', '=', sid)
  // Written as it is, and so locked until the transaction ends: of several that show a token each sees what became before.
  const login = await row.set({ sid }).returningAll().executeTakeFirst()
  if (!login || login.revoked_at !== null || login.expires_at <= now || (await isDisabled(db, login.user_id))) {
    return { outcome: 'unknown' }
  }
  const next = { secret_hash: next_hash, expires_at }
  if (secret_hash === login.secret_hash) {
    const used = { ...next, parent_hash: secret_hash, generation: login.generation + 1, rotated_at: now }
    await row.set(used).execute()
    return { outcome: 'rotated', login: { ...login, ...used } }
  }
  if (now - login.rotated_at <= grace_ms) {
    if (secret_hash === login.parent_hash) {
      await row.set(next).execute()
      return { outcome: 'rotated', login: { ...login, ...next } }
    }
    if (generation === login.generation) return { outcome: 'superseded' }
  }
  await row.set({ revoked_at: now }).execute()
  return { outcome: 'reused' }
}

/** Forgets the secret before the current one, whose answer has arrived. */
export async function confirmLogin(db: Db, sid: string, generation: number): Promise<void> {
  await db
    .updateTable('mesh_login')
    .set({ parent_hash: null })
    .where('sid', '=', sid)
    .where('generation', '=', generation)
    .execute()
}

async function isDisabled(db: Db, user_id: string): Promise<boolean> {
  const user = await db.selectFrom('mesh_user').select('disabled').where('user_id', '=', user_id).executeTakeFirst()
  return user?.disabled !== 0
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
