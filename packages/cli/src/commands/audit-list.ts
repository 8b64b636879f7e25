import { Option, type Command } from 'commander'
import { pageOf, rowOf } from '../audit.ts'
import { auditColumns } from '../columns.ts'
import { auditOptions, count, type AuditOptions } from '../options.ts'
import { show, withAdmin, type GlobalOptions } from '../session.ts'

/** `audit list`: the latest entries that fit. As JSON they are as they were hashed. */
export function addAuditList(parent: Command): void {
  const command = parent.command('list').alias('ls').description('list the latest entries of the audit log')
  for (const option of auditOptions()) command.addOption(option)
  command
    .addOption(new Option('--limit <n>', 'at most n of them (up to 1000)').default(100).argParser(count))
    .action(async (options: AuditOptions & { limit: number }) => {
      const records = await withAdmin(command, (admin) => pageOf(admin, { ...options, latest: true }))
      if (command.optsWithGlobals<GlobalOptions>().json) show(command, { data: records, columns: ['seq'], id: 'seq' })
      else show(command, { data: records.map(rowOf), columns: auditColumns, id: 'seq' })
    })
}
