import { escaped } from '@mesh/core'
import type { Command } from 'commander'
import { pagesOf } from '../audit.ts'
import { auditOptions, type AuditOptions } from '../options.ts'
import { withAdmin } from '../session.ts'

/** `audit export`: every entry that fits, one JSON document a line, with what chains it. */
export function addAuditExport(parent: Command): void {
  const command = parent.command('export').description('print every entry as JSON, one per line')
  for (const option of auditOptions()) command.addOption(option)
  command.action(async (options: AuditOptions) => {
    await withAdmin(command, async (admin) => {
      for await (const page of pagesOf(admin, options)) {
        process.stdout.write(page.map((record) => `${escaped(JSON.stringify(record))}\n`).join(''))
      }
    })
  })
}
