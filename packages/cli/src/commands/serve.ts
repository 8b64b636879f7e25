import { runServer } from '@mesh/server'
import type { Command } from 'commander'
import { settingsOf, type GlobalOptions } from '../session.ts'

/** `serve`: the standalone server, as `mesh-server` runs it. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the server until it is told to stop; settings come from the environment and .env')
    .action(async (_options: object, command: Command) => {
      process.exitCode = await runServer(settingsOf(command.optsWithGlobals<GlobalOptions>()))
    })
}
