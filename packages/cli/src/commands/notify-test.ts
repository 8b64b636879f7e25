import type { Command } from 'commander'
import { ask, show } from '../session.ts'

/** `notify test`: does it arrive? */
export function addNotifyTest(parent: Command): void {
  parent
    .command('test')
    .description('send a user a notification, now')
    .argument('<user>', 'by name or id')
    .action(async (user: string, _options: object, command: Command) => {
      const { data } = await ask(command, 'notify.test', { user })
      show(command, { data, columns: ['user_id', 'username'], id: 'user_id' })
    })
}
