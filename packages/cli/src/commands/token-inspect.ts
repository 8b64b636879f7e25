import type { Command } from 'commander'
import { exitCodes } from '../exit-codes.ts'
import { ask, show } from '../session.ts'
import { readStdin } from '../stdin.ts'

/** `token inspect`: ends with 7 when the token does not hold, and shows it all the same. */
export function addTokenInspect(parent: Command): void {
  parent
    .command('inspect')
    .description('show what a token says, and whether this installation signed it (exit code 7 when it does not hold)')
    .argument(
      '[token]',
      'the token; - or nothing reads it from the standard input, where no process list shows it',
      '-',
    )
    .action(async (given: string, _options: object, command: Command) => {
      const token = given === '-' ? await readStdin() : given
      const { data } = await ask(command, 'token.inspect', { token: token.trim() })
      show(command, {
        data,
        columns: ['kind', 'signature', 'expired', 'expires_at', 'header', 'claims'],
        id: 'signature',
      })
      if (data.signature !== 'valid' || data.expired) process.exitCode = exitCodes.checkFailed
    })
}
