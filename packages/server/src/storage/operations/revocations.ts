import type { Revocation } from '@mesh/core'
import type { ExpressionBuilder, OnConflictDatabase, OnConflictTables } from 'kysely'
import type { Db, Tables } from '../tables.ts'

type Known = ExpressionBuilder<OnConflictDatabase<Tables, 'mesh_revocation'>, OnConflictTables<'mesh_revocation'>>

/** Notes a revocation, and forgets those that have nothing left to stop. */
export async function addRevocation(db: Db, { id, revoked_at, expires_at }: Revocation): Promise<void> {
  await db.deleteFrom('mesh_revocation').where('expires_at', '<=', revoked_at).execute()
  await db
    .insertInto('mesh_revocation')
    .values({ id, revoked_at, expires_at })
    // One statement, so that of two at once the later ends of both count.
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((eb) => ({
        revoked_at: later(eb, 'revoked_at', revoked_at),
        expires_at: later(eb, 'expires_at', expires_at),
      })),
    )
    .execute()
}

/** The greater of what stands there and what is given; each dialect has a name of its own for it. */
function later(eb: Known, column: 'revoked_at' | 'expires_at', given: number) {
  const known = eb.ref(`mesh_revocation.${column}`)
  return eb.case().when(known, '<', given).then(given).else(known).end()
}
