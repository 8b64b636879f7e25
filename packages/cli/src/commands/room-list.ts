import type { Command } from 'commander'
import { roomColumns } from '../columns.ts'
import { pageOptions } from '../options.ts'
import { readPages, type PageOptions } from '../pages.ts'
import { show } from '../session.ts'

/** `room list` */
export function addRoomList(parent: Command): void {
  const list = parent.command('list').alias('ls').description('list the rooms')
  for (const option of pageOptions()) list.addOption(option)
  list.action(async (options: PageOptions, command: Command) => {
    const rooms = await readPages(command, options, (admin, page) => admin.call('room.list', page))
    show(command, { ...rooms, columns: roomColumns, id: 'room_id' })
  })
}
