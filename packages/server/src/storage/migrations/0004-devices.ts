import type { Kysely } from 'kysely'

/** Devices with a key of their own, the codes they are enrolled with, and the assertions that were used up. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db

  await schema
    .createTable('mesh_device')
    .addColumn('device_id', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull().references('mesh_user.user_id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('public_key', 'text', (column) => column.notNull())
    .addColumn('jkt', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen', 'bigint')
    .execute()
  await schema.createIndex('mesh_device_user').on('mesh_device').columns(['user_id', 'device_id']).execute()

  await schema
    .createTable('mesh_enrolment')
    .addColumn('code_hash', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull().references('mesh_user.user_id').onDelete('cascade'))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('mesh_enrolment_user').on('mesh_enrolment').column('user_id').execute()
  await schema.createIndex('mesh_enrolment_end').on('mesh_enrolment').column('expires_at').execute()

  await schema
    .createTable('mesh_assertion')
    .addColumn('device_id', 'text', (column) =>
      column.notNull().references('mesh_device.device_id').onDelete('cascade'),
    )
    .addColumn('jti', 'text', (column) => column.notNull())
    .addColumn('keep_until', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('mesh_assertion_key', ['device_id', 'jti'])
    .execute()
  await schema.createIndex('mesh_assertion_end').on('mesh_assertion').column('keep_until').execute()
}
