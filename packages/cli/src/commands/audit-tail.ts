import { escaped } from '@mesh/core'
import { setTimeout as pause } from 'node:timers/promises'
import { Option, type Command } from 'commander'
import { pageOf, rowOf } from '../audit.ts'
import { auditOptions, count, type AuditOptions } from '../options.ts'
import { withAdmin, type GlobalOptions } from '../session.ts'

/** How often it looks for more, in milliseconds. */
const interval = 500

/** `audit tail`: the latest entries, and every further one as it comes, until it is interrupted. */
export function addAuditTail(parent: Command): void {
  const command = parent.command('tail').description('show the latest entries and follow the log; --json: one per line')
  for (const option of auditOptions()) command.addOption(option)
  command
    .addOption(new Option('-n, --lines <n>', 'begin with the last n').default(10).argParser(count))
    .action(async ({ lines, ...options }: AuditOptions & { lines: number }) => {
      const { json } = command.optsWithGlobals<GlobalOptions>()
      await withAdmin(command, async (admin) => {
        let page = await pageOf(admin, { ...options, limit: lines, latest: true })
        for (let after = 0; ; page = await pageOf(admin, { ...options, after })) {
          for (const record of page) {
            const line = json ? JSON.stringify(record) : Object.values(rowOf(record)).join('\t')
            process.stdout.write(`${escaped(line)}\n`)
          }
          after = page.at(-1)?.seq ?? after
          await pause(interval)
        }
      })
    })
}
