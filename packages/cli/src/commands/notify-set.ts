import { InvalidArgumentError, type Command } from 'commander'
import { ask, show } from '../session.ts'
import { readSecret } from '../stdin.ts'

/** `notify set`: the token of a user's application at the service that notifies. */
export function addNotifySet(parent: Command): void {
  parent
    .command('set')
    .description('set the token by which the service knows a user; it comes from the standard input')
    .argument('<user>', 'by name or id')
    .option('--token-stdin', 'read the token from the standard input (at a terminal it is asked for)')
    .option('--remove', 'forget the token: the user is told nothing any more')
    .action(async (user: string, options: { tokenStdin?: boolean; remove?: boolean }, command: Command) => {
      const { tokenStdin = false, remove = false } = options
      if (tokenStdin === remove) throw new InvalidArgumentError('Say either --token-stdin or --remove.')
      const token = remove ? null : await readSecret('Token')
      const { data } = await ask(command, 'notify.set', { user, token })
      show(command, { data, columns: ['user_id', 'username'], id: 'user_id' })
    })
}
