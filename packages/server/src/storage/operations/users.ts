import type { User } from '@mesh/core'
import { hasAdmin } from '../has-admin.ts'
import { fromUser, toUser } from '../rows.ts'
import type { Db, UserTable } from '../tables.ts'
import { touch } from './touch.ts'

/** What may change about a user. */
export interface UserChange {
  username?: string
  hashed_password?: string
  admin?: boolean
  disabled?: boolean
}

/** Adds a user, unless another account has the login name. */
export async function createUser(db: Db, user: User): Promise<'created' | 'taken'> {
  const added = await db
    .insertInto('mesh_user')
    .values(fromUser(user))
    .onConflict((conflict) => conflict.column('name_key').doNothing())
    .returning('user_id')
    .executeTakeFirst()
  return added ? 'created' : 'taken'
}

/** Adds an administrator, unless there is one. */
export async function createFirstAdmin(db: Db, user: User): Promise<'created' | 'taken' | 'late'> {
  // Held until the transaction ends: of two that set up at once the second one sees what the first has done.
  await touch(db)
  return (await hasAdmin(db)) ? 'late' : createUser(db, user)
}

/** Adds a user of a host application, or brings name and origin up to date; a built-in account stays as it is. */
export async function ensureUser(
  db: Db,
  named: Pick<User, 'user_id' | 'username' | 'created_at' | 'external'>,
): Promise<void> {
  const row = fromUser({ ...named, hashed_password: null, admin: false, disabled: false })
  const { username, issuer, subject } = row
  const change = issuer === null ? { username } : { username, issuer, subject }
  await db
    .insertInto('mesh_user')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet(change).where('mesh_user.hashed_password', 'is', null),
    )
    .execute()
}

/** Puts another hash in the place of the one given; false when that is not the current one any more. */
export async function rehashUser(
  db: Db,
  user_id: string,
  { from, to }: { from: string; to: string },
): Promise<boolean> {
  const changed = await db
    .updateTable('mesh_user')
    .set({ hashed_password: to })
    .where('user_id', '=', user_id)
    .where('hashed_password', '=', from)
    .returning('user_id')
    .executeTakeFirst()
  return changed !== undefined
}

/** Changes what is given. `taken`: another account has the login name. `denied`: who does it, `by`, is no administrator any more. */
export async function updateUser(
  db: Db,
  user_id: string,
  change: UserChange,
  by: string | null,
): Promise<{ outcome: 'updated'; user: User } | { outcome: 'taken' | 'missing' | 'denied' }> {
  const rows = new Map<string, UserTable | undefined>()
  // In one order, whoever does it to whom: two who change each other must not wait for each other.
  for (const id of [user_id, by ?? user_id].sort()) rows.set(id, rows.get(id) ?? (await lockUser(db, id)))
  const row = rows.get(user_id)
  if (!row) return { outcome: 'missing' }
  const doer = by === null ? undefined : rows.get(by)
  if (by !== null && (doer?.admin !== 1 || doer.disabled === 1)) return { outcome: 'denied' }
  const next = fromUser({ ...toUser(row), ...change })
  if (next.name_key !== null && next.name_key !== row.name_key) {
    const holder = await db
      .selectFrom('mesh_user')
      .select('user_id')
      .where('name_key', '=', next.name_key)
      .executeTakeFirst()
    if (holder) return { outcome: 'taken' }
  }
  await db.updateTable('mesh_user').set(next).where('user_id', '=', user_id).execute()
  return { outcome: 'updated', user: toUser(next) }
}

/**
 * The user, held until the transaction ends: of two changes at once the second one builds on the first, and what counts
 * their devices or codes goes one after the other.
 */
export async function lockUser(db: Db, user_id: string): Promise<UserTable | undefined> {
  return db
    .updateTable('mesh_user')
    .set((eb) => ({ disabled: eb.ref('disabled') }))
    .where('user_id', '=', user_id)
    .returningAll()
    .executeTakeFirst()
}
