import type { Kysely } from 'kysely'

/** Where users of host applications come from, and whose access was taken back before its time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db

  await schema.alterTable('mesh_user').addColumn('issuer', 'text').execute()
  await schema.alterTable('mesh_user').addColumn('subject', 'text').execute()

  await schema
    .createTable('mesh_revocation')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('revoked_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('mesh_revocation_end').on('mesh_revocation').column('expires_at').execute()
}
