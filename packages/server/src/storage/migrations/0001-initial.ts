import type { Kysely } from 'kysely'

/** Users, logins, rooms with their members, and the log of every room. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db

  await schema
    .createTable('mesh_user')
    .addColumn('user_id', 'text', (column) => column.primaryKey())
    .addColumn('username', 'text', (column) => column.notNull())
    .addColumn('name_key', 'text', (column) => column.unique())
    .addColumn('hashed_password', 'text')
    .addColumn('admin', 'integer', (column) => column.notNull())
    .addColumn('disabled', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()

  await schema
    .createTable('mesh_login')
    .addColumn('sid', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull().references('mesh_user.user_id').onDelete('cascade'))
    .addColumn('secret_hash', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute()
  await schema.createIndex('mesh_login_user').on('mesh_login').column('user_id').execute()

  await schema
    .createTable('mesh_room')
    .addColumn('room_id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('owner_user_id', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('policy', 'text', (column) => column.notNull())
    .addColumn('policy_seq', 'bigint', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .execute()

  await schema
    .createTable('mesh_member')
    .addColumn('room_id', 'text', (column) => column.notNull().references('mesh_room.room_id').onDelete('cascade'))
    .addColumn('user_id', 'text', (column) => column.notNull().references('mesh_user.user_id'))
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('member_seq', 'bigint', (column) => column.notNull())
    .addColumn('joined_seq', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('mesh_member_key', ['room_id', 'user_id'])
    .execute()
  await schema.createIndex('mesh_member_user').on('mesh_member').columns(['user_id', 'room_id']).execute()

  await schema
    .createTable('mesh_event')
    .addColumn('room_id', 'text', (column) => column.notNull().references('mesh_room.room_id').onDelete('cascade'))
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('from_id', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('payload', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('mesh_event_key', ['room_id', 'seq'])
    .execute()
  await schema.createIndex('mesh_event_type').on('mesh_event').columns(['room_id', 'type', 'seq']).execute()

  await schema
    .createTable('mesh_event_once')
    .addColumn('sender', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('room_id', 'text', (column) => column.notNull().references('mesh_room.room_id').onDelete('cascade'))
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('mesh_event_once_key', ['sender', 'id'])
    .execute()
  await schema.createIndex('mesh_event_once_room').on('mesh_event_once').column('room_id').execute()

  await schema
    .createTable('mesh_missed_call')
    .addColumn('room_id', 'text', (column) => column.notNull().references('mesh_room.room_id').onDelete('cascade'))
    .addColumn('from_user_id', 'text', (column) => column.notNull())
    .addColumn('to_user_id', 'text', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('mesh_missed_call_key', ['room_id', 'from_user_id', 'to_user_id'])
    .execute()
}
