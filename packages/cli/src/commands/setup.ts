import type { Command } from 'commander'
import { userColumns } from '../columns.ts'
import { ask, show } from '../session.ts'
import { readSecret } from '../stdin.ts'

/** `setup`: the first administrator. Whoever may open the data directory needs no code for it. */
export function addSetup(program: Command): void {
  program
    .command('setup')
    .description('make the first administrator; the password is asked for, or read from the standard input')
    .argument('<name>', 'the login name')
    .action(async (username: string, _options: object, command: Command) => {
      const { data } = await ask(command, 'setup', { username, password: await readSecret('Password') })
      show(command, { data, columns: userColumns, id: 'user_id' })
    })
}
