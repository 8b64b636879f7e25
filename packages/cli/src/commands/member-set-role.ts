import type { Role } from '@mesh/core'
import type { Command } from 'commander'
import { memberColumns } from '../columns.ts'
import { role } from '../options.ts'
import { ask, show } from '../session.ts'

/** `member set-role` */
export function addMemberSetRole(parent: Command): void {
  parent
    .command('set-role')
    .description('change the role of a member; a room keeps at least one owner')
    .argument('<room>', 'by name or id')
    .argument('<user>', 'by name or id')
    .argument('<role>', 'owner, member or guest', role)
    .action(async (room: string, user: string, role: Role, _options: object, command: Command) => {
      const { data } = await ask(command, 'member.set-role', { room, user, role })
      show(command, { data, columns: memberColumns, id: 'user_id' })
    })
}
