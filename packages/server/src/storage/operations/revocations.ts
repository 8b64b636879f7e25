import type { Revocation } from '@mesh/core'
import type { Db } from '../tables.ts'

/** Notes a revocation, and forgets those that have nothing left to stop. */
export async function addRevocation(db: Db, { id, revoked_at, expires_at }: Revocation): Promise<void> {
  await db.deleteFrom('mesh_revocation').where('expires_at', '<=', revoked_at).execute()
  const known = await db.selectFrom('mesh_revocation').selectAll().where('id', '=', id).executeTakeFirst()
  const both = {
    revoked_at: Math.max(revoked_at, known?.revoked_at ?? 0),
    expires_at: Math.max(expires_at, known?.expires_at ?? 0),
  }
  await db
    .insertInto('mesh_revocation')
    .values({ id, ...both })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(both))
    .execute()
}
