import type { Command } from 'commander'
import { databaseOf } from '../database.ts'
import { show } from '../session.ts'

/** `db copy` */
export function addDbCopy(parent: Command): void {
  parent
    .command('copy')
    .description('copy a SQLite database into the empty PostgreSQL database of MESH_DATABASE_URL, all of it or nothing')
    .option('--from <file>', 'the SQLite file (default: mesh.db in the data directory)')
    .action(async ({ from }: { from?: string }, command: Command) => {
      show(command, { data: await databaseOf(command).copy(from), columns: ['table', 'rows'], id: 'table' })
    })
}
