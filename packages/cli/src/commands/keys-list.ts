import type { Command } from 'commander'
import { keyColumns } from '../columns.ts'
import { ask, show } from '../session.ts'

/** `keys list` */
export function addKeysList(parent: Command): void {
  parent
    .command('list')
    .alias('ls')
    .description('list the signing keys, those that were revoked as well; private parts are never shown')
    .action(async (_options: object, command: Command) => {
      show(command, { ...(await ask(command, 'keys.list', {})), columns: keyColumns, id: 'kid' })
    })
}
