import type { Command } from 'commander'
import { databaseOf, statusColumns } from '../database.ts'
import { exitCodes } from '../exit-codes.ts'
import { show } from '../session.ts'

/** `db status`: ends with 7 where the schema is not up to date. */
export function addDbStatus(parent: Command): void {
  parent
    .command('status')
    .description('say which database it is, and whether its schema is up to date (exit code 7 where it is not)')
    .action(async (_options: object, command: Command) => {
      const data = await databaseOf(command).status()
      show(command, { data, columns: statusColumns, id: 'schema' })
      if (data.schema !== 'up to date') process.exitCode = exitCodes.checkFailed
    })
}
