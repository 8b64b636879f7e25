import type { Role } from '@mesh/core'
import { Option, type Command } from 'commander'
import { memberColumns } from '../columns.ts'
import { role } from '../options.ts'
import { ask, show } from '../session.ts'

/** `member add`: somebody who is a member already is a conflict, so that no role changes by accident. */
export function addMemberAdd(parent: Command): void {
  parent
    .command('add')
    .description('add a user to a room')
    .argument('<room>', 'by name or id')
    .argument('<user>', 'by name or id')
    .addOption(new Option('--role <role>', 'owner, member or guest').default('member').argParser(role))
    .action(async (room: string, user: string, { role }: { role: Role }, command: Command) => {
      const { data } = await ask(command, 'member.add', { room, user, role })
      show(command, { data, columns: memberColumns, id: 'user_id' })
    })
}
