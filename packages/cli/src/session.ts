import { openAdmin, readConfig, type Admin, type AdminInput, type AdminOperation, type AdminOutput } from '@mesh/server'
import type { Command } from 'commander'
import { render, type OutputOptions, type Shown } from './output.ts'

/** The options that every command takes. */
export interface GlobalOptions {
  dataDir?: string
  json?: boolean
  quiet?: boolean
}

/** Where the settings come from, the command line over the environment. */
export function settingsOf({ dataDir }: GlobalOptions): Record<string, string> {
  return dataDir === undefined ? {} : { MESH_DATA_DIR: dataDir }
}

/** Opens the installation that a command means, for as long as `use` takes. */
export async function withAdmin<T>(command: Command, use: (admin: Admin) => Promise<T>): Promise<T> {
  const overrides = settingsOf(command.optsWithGlobals<GlobalOptions>())
  const config = readConfig({ env: { ...process.env, ...overrides }, cwd: process.cwd() })
  const admin = await openAdmin({ config })
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

/** Does one operation on the installation that a command means. */
export function ask<K extends AdminOperation>(
  command: Command,
  operation: K,
  input: AdminInput<K>,
): Promise<AdminOutput<K>> {
  return withAdmin(command, (admin) => admin.call(operation, input))
}

/** Prints a result in the form that the options ask for. */
export function show<T extends object>(command: Command, shown: Shown<T>): void {
  const { json = false, quiet = false } = command.optsWithGlobals<GlobalOptions>()
  const options: OutputOptions = { json, quiet, tty: process.stdout.isTTY }
  process.stdout.write(render(shown, options))
}
