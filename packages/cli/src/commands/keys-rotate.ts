import { Option, type Command } from 'commander'
import { keyColumns } from '../columns.ts'
import { ask, show } from '../session.ts'

/** What `keys rotate` may be told. */
interface RotateOptions {
  ring?: 'access' | 'capability'
  force?: boolean
}

/** `keys rotate`: shows the keys that sign from now on. */
export function addKeysRotate(parent: Command): void {
  parent
    .command('rotate')
    .description('let the next signing keys take over; tokens of those before them are good until they end')
    .addOption(new Option('--ring <ring>', 'the keys of one kind of token alone').choices(['access', 'capability']))
    .option('--force', 'even if the next capability key was not published for a day yet')
    .action(async ({ ring, force }: RotateOptions, command: Command) => {
      show(command, { ...(await ask(command, 'keys.rotate', { ring, force })), columns: keyColumns, id: 'kid' })
    })
}
