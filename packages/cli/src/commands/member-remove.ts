import type { Command } from 'commander'
import { ask, show } from '../session.ts'

/** `member remove`: with a running server, they are out at once. */
export function addMemberRemove(parent: Command): void {
  parent
    .command('remove')
    .alias('rm')
    .description('remove a user from a room; whoever is in it is put out at once')
    .argument('<room>', 'by name or id')
    .argument('<user>', 'by name or id')
    .action(async (room: string, user: string, _options: object, command: Command) => {
      const { data } = await ask(command, 'member.remove', { room, user })
      show(command, { data, columns: ['room_id', 'user_id'], id: 'user_id' })
    })
}
