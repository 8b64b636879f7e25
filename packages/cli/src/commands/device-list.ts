import type { Command } from 'commander'
import { deviceColumns } from '../columns.ts'
import { pageOptions } from '../options.ts'
import { readPages, type PageOptions } from '../pages.ts'
import { show } from '../session.ts'

/** `device list` */
export function addDeviceList(parent: Command): void {
  const list = parent.command('list').alias('ls').description('list the devices of a user, or of everybody')
  list.option('--user <user>', 'only those of this user, by name or id')
  for (const option of pageOptions()) list.addOption(option)
  list.action(async ({ user, ...options }: PageOptions & { user?: string }, command: Command) => {
    const devices = await readPages(command, options, (admin, page) => admin.call('device.list', { ...page, user }))
    show(command, { ...devices, columns: deviceColumns, id: 'device_id' })
  })
}
