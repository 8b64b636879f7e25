import type { Role } from '@mesh/core'
import { Option, type Command } from 'commander'
import { count, role } from '../options.ts'
import { ask, show } from '../session.ts'

interface InviteOptions {
  role: Role
  expiresIn?: number
  maxUses?: number
}

/** `member invite`: the code is printed here and never again. */
export function addMemberInvite(parent: Command): void {
  parent
    .command('invite')
    .description('make an invitation into a room: whoever accepts its code becomes a member')
    .argument('<room>', 'by name or id')
    .addOption(new Option('--role <role>', 'owner, member or guest').default('member').argParser(role))
    .addOption(
      new Option('--expires-in <seconds>', 'how long it is good, up to 30 days (default: 7 days)').argParser(count),
    )
    .addOption(new Option('--max-uses <n>', 'how many people it lets in, up to 1000 (default: 1)').argParser(count))
    .action(async (room: string, { role, expiresIn, maxUses }: InviteOptions, command: Command) => {
      const { data } = await ask(command, 'member.invite', { room, role, expires_in_s: expiresIn, max_uses: maxUses })
      show(command, { data, columns: ['code', 'role', 'max_uses', 'expires_at'], id: 'code' })
    })
}
