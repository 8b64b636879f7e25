import type { Command } from 'commander'
import { memberColumns } from '../columns.ts'
import { ask, show } from '../session.ts'

/** `member list` */
export function addMemberList(parent: Command): void {
  parent
    .command('list')
    .alias('ls')
    .description('list the members of a room')
    .argument('<room>', 'by name or id')
    .action(async (room: string, _options: object, command: Command) => {
      const { data } = await ask(command, 'member.list', { room })
      show(command, { data, columns: memberColumns, id: 'user_id' })
    })
}
