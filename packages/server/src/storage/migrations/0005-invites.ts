import type { Kysely } from 'kysely'

/** Invitations into rooms; of their codes only hashes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db

  await schema
    .createTable('mesh_invite')
    .addColumn('invite_id', 'text', (column) => column.primaryKey())
    .addColumn('room_id', 'text', (column) => column.notNull().references('mesh_room.room_id').onDelete('cascade'))
    .addColumn('code_hash', 'text', (column) => column.notNull().unique())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text')
    .addColumn('member_seq', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('max_uses', 'integer', (column) => column.notNull())
    .addColumn('uses', 'integer', (column) => column.notNull())
    .execute()
  await schema.createIndex('mesh_invite_room').on('mesh_invite').columns(['room_id', 'invite_id']).execute()
}
