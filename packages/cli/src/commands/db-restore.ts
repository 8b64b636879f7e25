import type { Command } from 'commander'
import { databaseOf } from '../database.ts'
import { show } from '../session.ts'

/** `db restore` */
export function addDbRestore(parent: Command): void {
  parent
    .command('restore')
    .description(
      'put a backup in the place of the SQLite database, while no server runs; the one before is kept beside it. The keys stay as they are',
    )
    .argument('<file>', 'what db backup made')
    .action(async (file: string, _options: object, command: Command) => {
      show(command, { data: await databaseOf(command).restore(file), columns: ['file', 'kept'], id: 'file' })
    })
}
