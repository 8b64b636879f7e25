import { InvalidArgumentError, type Command } from 'commander'
import { keyColumns } from '../columns.ts'
import { ask, show } from '../session.ts'

/** `keys revoke`: for the emergency. Fresh keys take the places of those that signed. */
export function addKeysRevoke(parent: Command): void {
  parent
    .command('revoke')
    .description('end signing keys for ever, at once, with all that they signed and the connections it opened')
    .argument('[kid...]', 'the ids of the keys')
    .option('--all', 'every key: what to do when the file of keys was stolen')
    .action(async (kids: string[], { all = false }: { all?: boolean }, command: Command) => {
      if (all === kids.length > 0) throw new InvalidArgumentError('Name keys, or say --all.')
      const revoked = await ask(command, 'keys.revoke', { kids: all ? 'all' : kids })
      show(command, { ...revoked, columns: keyColumns, id: 'kid' })
    })
}
