import type { Command } from 'commander'
import { databaseOf } from '../database.ts'
import { show } from '../session.ts'

/** `db backup` */
export function addDbBackup(parent: Command): void {
  parent
    .command('backup')
    .description(
      'copy the SQLite database, in use or not, into a new file of mode 0600. It holds no signing keys: back up keys.json apart from it. For PostgreSQL use pg_dump',
    )
    .argument('<file>', 'the file to make')
    .action(async (file: string, _options: object, command: Command) => {
      show(command, { data: await databaseOf(command).backup(file), columns: ['file'], id: 'file' })
    })
}
