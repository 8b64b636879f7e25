import { InvalidArgumentError, type Command } from 'commander'
import { deliveryColumns, notifyColumns } from '../columns.ts'
import { pageOptions } from '../options.ts'
import { largest, readPages, type PageOptions } from '../pages.ts'
import { ask, show } from '../session.ts'

/** `notify list`: who can be told, and what has not got there. */
export function addNotifyList(parent: Command): void {
  const list = parent.command('list').alias('ls').description('list the users who have a token')
  list.option('--waiting', 'what waits to be delivered instead, the next one first')
  list.option('--dead', 'what was given up instead, the latest first')
  for (const option of pageOptions()) list.addOption(option)
  list.action(async (options: PageOptions & { waiting?: boolean; dead?: boolean }, command: Command) => {
    const { waiting = false, dead = false, ...page } = options
    if (waiting && dead) throw new InvalidArgumentError('Say either --waiting or --dead.')
    if (waiting || dead) {
      if (page.after !== undefined) throw new InvalidArgumentError('--after is for the users who have a token.')
      const { limit = largest } = page
      const { data } = await ask(command, 'notify.deliveries', { state: dead ? 'dead' : 'waiting', limit })
      return show(command, { data, columns: deliveryColumns, id: 'to_id' })
    }
    const targets = await readPages(command, page, (admin, asked) => admin.call('notify.list', asked))
    show(command, { ...targets, columns: notifyColumns, id: 'user_id' })
  })
}
