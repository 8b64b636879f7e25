import type { Kysely } from 'kysely'

/** The audit log, and where its chain ends: the one row that makes appends serial. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db

  await schema
    .createTable('mesh_audit')
    .addColumn('seq', 'bigint', (column) => column.primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('actor', 'text')
    .addColumn('room_id', 'text')
    .addColumn('facts', 'text', (column) => column.notNull())
    .addColumn('prev_hash', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute()
  await schema.createIndex('mesh_audit_at').on('mesh_audit').column('at').execute()
  await schema.createIndex('mesh_audit_actor').on('mesh_audit').columns(['actor', 'seq']).execute()
  await schema.createIndex('mesh_audit_room').on('mesh_audit').columns(['room_id', 'seq']).execute()

  await schema
    .createTable('mesh_audit_head')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute()
  await (db as Kysely<{ mesh_audit_head: { id: number; seq: number; hash: string } }>)
    .insertInto('mesh_audit_head')
    .values({ id: 1, seq: 0, hash: '' })
    .execute()
}
