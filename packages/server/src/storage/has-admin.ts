import type { Db } from './tables.ts'

/**
 * Whether there is an administrator who is not disabled. Apart from the other reads, which need all of core: the writer
 * thread asks it too.
 */
export async function hasAdmin(db: Db): Promise<boolean> {
  const admins = db.selectFrom('mesh_user').select('user_id').where('admin', '=', 1).where('disabled', '=', 0)
  return (await admins.limit(1).executeTakeFirst()) !== undefined
}
