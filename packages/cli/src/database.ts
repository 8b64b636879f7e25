import { createDatabaseAdmin, readConfig, type DatabaseAdmin } from '@mesh/server'
import type { Command } from 'commander'
import { settingsOf, type GlobalOptions } from './session.ts'

/** The database that a command means, as a whole. */
export function databaseOf(command: Command): DatabaseAdmin {
  const cwd = process.cwd()
  const overrides = settingsOf(command.optsWithGlobals<GlobalOptions>())
  return createDatabaseAdmin({ config: readConfig({ env: { ...process.env, ...overrides }, cwd }), cwd })
}

/** The columns in which the state of a database is shown. */
export const statusColumns = ['database', 'schema', 'latest', 'missing'] as const
