import type { Command } from 'commander'
import { databaseOf, statusColumns } from '../database.ts'
import { show } from '../session.ts'

/** `db migrate` */
export function addDbMigrate(parent: Command): void {
  parent
    .command('migrate')
    .description('bring the schema of the database up to date')
    .action(async (_options: object, command: Command) => {
      show(command, { data: await databaseOf(command).migrate(), columns: statusColumns, id: 'schema' })
    })
}
