import type { Kysely } from 'kysely'

/**
 * What a login has to know to let a refresh be retried, and to tell a stolen token from an invented one. Tokens issued
 * before cannot be told apart, so that their logins end: everybody logs in once more.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema.dropTable('mesh_login').execute()
  await schema
    .createTable('mesh_login')
    .addColumn('sid', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull().references('mesh_user.user_id').onDelete('cascade'))
    .addColumn('token_key', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull())
    .addColumn('parent_hash', 'text')
    .addColumn('generation', 'integer', (column) => column.notNull())
    .addColumn('rotated_at', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute()
  await schema.createIndex('mesh_login_user').on('mesh_login').column('user_id').execute()
}
