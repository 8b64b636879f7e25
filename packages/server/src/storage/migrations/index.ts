import type { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import * as initial from './0001-initial.ts'
import * as terminals from './0002-terminals.ts'
import * as rotation from './0003-rotation.ts'
import * as devices from './0004-devices.ts'
import * as invites from './0005-invites.ts'
import * as audit from './0006-audit.ts'
import * as hostUsers from './0007-host-users.ts'
import * as deliveries from './0009-deliveries.ts'

/** Every step of the schema, in order. Forward only: a released step is never changed, a new one is added. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-terminals': terminals,
  '0003-rotation': rotation,
  '0004-devices': devices,
  '0005-invites': invites,
  '0006-audit': audit,
  '0007-host-users': hostUsers,
  '0009-deliveries': deliveries,
}

/** Where the steps that were taken are noted, and the row that keeps two migrations apart. */
export const migrationTables = {
  migrationTableName: 'mesh_migration',
  migrationLockTableName: 'mesh_migration_lock',
} as const

/** How far a schema is. */
export interface SchemaStatus {
  /** The steps that were taken, in order. */
  taken: string[]
  /** The steps that are still to be taken. */
  missing: string[]
  /** A step that this version does not know, where there is one: the database belongs to a newer version. */
  newer: string | undefined
}

/** How far a schema is in which these steps are noted. */
export function schemaStatus(noted: readonly string[]): SchemaStatus {
  return {
    taken: [...noted],
    missing: Object.keys(migrations).filter((name) => !noted.includes(name)),
    newer: noted.find((name) => !Object.hasOwn(migrations, name)),
  }
}

/** What is said of a database of a newer version; it is left as it is. */
export function newerSchema(database: string, step: string): Error {
  return new Error(
    `${database} was written by a newer version of Mesh (its schema has ${step}); start that version, or restore a backup from before the upgrade`,
  )
}

/**
 * Takes the steps that are missing. The caller holds a transaction that keeps every other process out, so that the schema
 * is the old one or the new one and never between. `schema` is where the notes about it are, in dialects that have schemas.
 */
export async function migrateToLatest(db: Kysely<unknown>, schema?: string): Promise<void> {
  const provider = { getMigrations: async () => ({ ...migrations }) }
  const names = { ...migrationTables, ...(schema !== undefined && { migrationTableSchema: schema }) }
  const migrator = new Migrator({ db, provider, ...names, disableTransactions: true })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
