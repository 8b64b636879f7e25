import type { Command } from 'commander'
import { userColumns } from '../columns.ts'
import { ask, show } from '../session.ts'
import { readSecret } from '../stdin.ts'

/** `user create`: the first one makes the installation where there is none. */
export function addUserCreate(parent: Command): void {
  parent
    .command('create')
    .description('create a user; the password comes from the standard input')
    .argument('<name>', 'the login name')
    .requiredOption('--password-stdin', 'read the password from the standard input (at a terminal it is asked for)')
    .option('--admin', 'may administer users')
    .action(async (username: string, { admin = false }: { admin?: boolean }, command: Command) => {
      const password = await readSecret('Password')
      const { data } = await ask(command, 'user.create', { username, password, admin })
      show(command, { data, columns: userColumns, id: 'user_id' })
    })
}
