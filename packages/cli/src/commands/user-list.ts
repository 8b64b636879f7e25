import type { Command } from 'commander'
import { userColumns } from '../columns.ts'
import { pageOptions } from '../options.ts'
import { readPages, type PageOptions } from '../pages.ts'
import { show } from '../session.ts'

/** `user list` */
export function addUserList(parent: Command): void {
  const list = parent.command('list').alias('ls').description('list the users')
  for (const option of pageOptions()) list.addOption(option)
  list.action(async (options: PageOptions, command: Command) => {
    const users = await readPages(command, options, (admin, page) => admin.call('user.list', page))
    show(command, { ...users, columns: userColumns, id: 'user_id' })
  })
}
