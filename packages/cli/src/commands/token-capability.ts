import { Option, type Command } from 'commander'
import { count, several } from '../options.ts'
import { ask, show } from '../session.ts'

interface CapabilityOptions {
  room: string
  for: string
  cap: string[]
  user?: string
  target?: string
  ttl?: number
  maxSize?: number
  maxRate?: number
}

/** `token capability` */
export function addTokenCapability(parent: Command): void {
  parent
    .command('capability')
    .description('make a capability token, as the role of its user in the room allows')
    .requiredOption('--room <room>', 'the room, by name or id')
    .requiredOption('--for <id>', 'the peer or device that will use it')
    .addOption(
      new Option('--cap <cap>', 'a capability, e.g. call; may be repeated').argParser(several).makeOptionMandatory(),
    )
    .option('--user <user>', 'whose peer or device it is, where it is not connected')
    .option('--target <id>', 'the one peer or device it may be used towards')
    .addOption(new Option('--ttl <seconds>', 'how long it lives, 60 to 180 (default: 120)').argParser(count))
    .addOption(new Option('--max-size <bytes>', 'the largest share').argParser(count))
    .addOption(new Option('--max-rate <bytes>', 'the highest rate of a share, per second').argParser(count))
    .action(async (options: CapabilityOptions, command: Command) => {
      const { data } = await ask(command, 'token.capability', {
        room: options.room,
        for: options.for,
        caps: options.cap,
        user: options.user,
        target: options.target,
        ttl_s: options.ttl,
        max_size: options.maxSize,
        max_rate: options.maxRate,
      })
      show(command, { data, columns: ['token', 'caps', 'expires_at'], id: 'token' })
    })
}
