import type { Kysely } from 'kysely'

/** Open terminals, each with the lease of whoever controls it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db

  await schema
    .createTable('mesh_terminal')
    .addColumn('terminal_id', 'text', (column) => column.primaryKey())
    .addColumn('room_id', 'text', (column) => column.notNull().references('mesh_room.room_id').onDelete('cascade'))
    .addColumn('host_peer_id', 'text', (column) => column.notNull())
    .addColumn('host_user_id', 'text', (column) => column.notNull())
    .addColumn('host_device_id', 'text')
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('cols', 'integer')
    .addColumn('rows', 'integer')
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('alive_until', 'bigint', (column) => column.notNull())
    .addColumn('fence', 'bigint', (column) => column.notNull())
    .addColumn('holder_peer_id', 'text')
    .addColumn('holder_user_id', 'text')
    .addColumn('expires_at', 'bigint')
    .execute()
  await schema.createIndex('mesh_terminal_room').on('mesh_terminal').columns(['room_id', 'host_user_id']).execute()
}
