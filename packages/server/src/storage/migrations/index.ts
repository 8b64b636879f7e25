import type { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import * as initial from './0001-initial.ts'
import * as terminals from './0002-terminals.ts'
import * as rotation from './0003-rotation.ts'
import * as devices from './0004-devices.ts'
import * as invites from './0005-invites.ts'
import * as audit from './0006-audit.ts'
import * as hostUsers from './0007-host-users.ts'

/** Every step of the schema, in order. Forward only: a released step is never changed, a new one is added. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-terminals': terminals,
  '0003-rotation': rotation,
  '0004-devices': devices,
  '0005-invites': invites,
  '0006-audit': audit,
  '0007-host-users': hostUsers,
}

/** Where the steps that were taken are noted, and the row that keeps two migrations apart. */
export const migrationTables = {
  migrationTableName: 'mesh_migration',
  migrationLockTableName: 'mesh_migration_lock',
} as const

/**
 * Takes the steps that are missing. The caller holds a transaction that keeps every other process out, so that the schema
 * is the old one or the new one and never between.
 */
export async function migrateToLatest(db: Kysely<unknown>): Promise<void> {
  const provider = { getMigrations: async () => ({ ...migrations }) }
  const migrator = new Migrator({ db, provider, ...migrationTables, disableTransactions: true })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

/** The noted steps that this code does not know: the database belongs to a newer version. */
export function unknownMigrations(noted: readonly string[]): string[] {
  return noted.filter((name) => !Object.hasOwn(migrations, name))
}
