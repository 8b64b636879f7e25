import type { Command } from 'commander'
import { roomColumns } from '../columns.ts'
import { ask, show } from '../session.ts'

/** `room create` */
export function addRoomCreate(parent: Command): void {
  parent
    .command('create')
    .description('create a room')
    .argument('<name>', 'the name people see')
    .requiredOption('--owner <user>', 'its owner, by name or id')
    .action(async (name: string, { owner }: { owner: string }, command: Command) => {
      const { data } = await ask(command, 'room.create', { name, owner })
      show(command, { data, columns: roomColumns, id: 'room_id' })
    })
}
