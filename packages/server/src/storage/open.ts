import type { Storage } from '@mesh/core'
import { postgres, type PostgresOptions } from './postgres/index.ts'
import { sqlite } from './sqlite/index.ts'

/** Where a database is: a SQLite file, or a PostgreSQL server. The URL may have a password. */
export type DatabaseLocation = { readonly file: string } | { readonly url: string }

/** Opens the storage that the settings name. @throws Error as {@link sqlite} and {@link postgres} do */
export function openStorage(at: DatabaseLocation, options: Pick<PostgresOptions, 'migrate'> = {}): Promise<Storage> {
  return 'file' in at ? sqlite(at.file) : postgres(at.url, options)
}
