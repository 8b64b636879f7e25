import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { MeshError } from '@mesh/core'
import type { Config } from '../config.ts'
import { copyToPostgres, type CopiedTable } from '../storage/copy.ts'
import { schemaStatus, type SchemaStatus } from '../storage/migrations/index.ts'
import { openStorage } from '../storage/open.ts'
import { withPostgres } from '../storage/postgres/connect.ts'
import { toSentence } from '../storage/postgres/failure.ts'
import { statusOf } from '../storage/postgres/migrate.ts'
import { backupSqlite, restoreSqlite } from '../storage/sqlite/backup.ts'
import { readSqlite } from '../storage/sqlite/read.ts'
import { isRunning } from './open.ts'

/** What the schema of an installation's database is like. */
export interface DatabaseStatus {
  /** Which database it is, without a password. */
  database: string
  /** `none`: there is no schema yet. `behind`: `mesh-cli db migrate` brings it up to date. `newer`: of a newer version of Mesh. */
  schema: 'up to date' | 'behind' | 'newer' | 'none'
  /** The latest step that was taken. */
  latest: string | null
  /** How many steps are still to be taken. */
  missing: number
}

/** The database of an installation as a whole. Every call throws an Error with one sentence where it cannot be done. */
export interface DatabaseAdmin {
  status(): Promise<DatabaseStatus>
  /** Brings the schema up to date; makes the database file where there is none. */
  migrate(): Promise<DatabaseStatus>
  /** Copies a SQLite database, in use or not, into a new file. There are no keys in it. */
  backup(to: string): Promise<{ file: string }>
  /** Puts a backup in the place of a SQLite database that nobody uses; `kept` is where the one before is now. */
  restore(from: string): Promise<{ file: string; kept: string | null }>
  /** Copies a SQLite file that nobody uses into the PostgreSQL database of the installation, which is empty. */
  copy(from: string | undefined): Promise<CopiedTable[]>
}

/** The hand on a database that needs no server. Paths start at `cwd`. */
export function createDatabaseAdmin({ config, cwd }: { config: Config; cwd: string }): DatabaseAdmin {
  const { database, dataDir } = config

  async function status(): Promise<DatabaseStatus> {
    const found = await schemaOf(config)
    return {
      database: nameOf(config),
      schema: wordFor(found),
      latest: found.taken.at(-1) ?? null,
      missing: found.missing.length,
    }
  }

  async function refuseRunning(): Promise<void> {
    if (!(await isRunning(dataDir))) return
    throw new MeshError('CONFLICT', `A server runs on the data directory ${dataDir}`, { reason: 'running' })
  }

  return {
    status,
    async migrate() {
      const storage = await openStorage(database)
      await storage.close()
      return status()
    },
    async backup(to) {
      if (!('file' in database)) throw new Error('PostgreSQL has tools of its own for backups: use pg_dump')
      const file = resolve(cwd, to)
      await backupSqlite(existing(database.file), file)
      return { file }
    },
    async restore(from) {
      if (!('file' in database)) throw new Error('PostgreSQL has tools of its own for backups: use pg_restore or psql')
      await refuseRunning()
      const kept = await restoreSqlite(existing(resolve(cwd, from)), database.file)
      return { file: database.file, kept: kept ?? null }
    },
    async copy(from = resolve(dataDir, 'mesh.db')) {
      if ('file' in database) throw new Error('MESH_DATABASE_URL must name the PostgreSQL database to copy into')
      await refuseRunning()
      return copyToPostgres(existing(resolve(cwd, from)), database.url)
    },
  }
}

async function schemaOf({ database }: Config): Promise<SchemaStatus> {
  if ('file' in database) {
    return existsSync(database.file) ? readSqlite(database.file, (_, status) => status) : schemaStatus([])
  }
  try {
    return await withPostgres(database.url, ({ use }) => use(statusOf))
  } catch (error) {
    throw toSentence(error)
  }
}

function wordFor({ taken, missing, newer }: SchemaStatus): DatabaseStatus['schema'] {
  if (newer !== undefined) return 'newer'
  if (taken.length === 0) return 'none'
  return missing.length > 0 ? 'behind' : 'up to date'
}

function nameOf({ database }: Config): string {
  if ('file' in database) return `sqlite:${database.file}`
  const { host, pathname } = new URL(database.url)
  return `postgres://${host}${pathname}`
}

function existing(file: string): string {
  if (!existsSync(file)) throw new MeshError('NOT_FOUND', `There is no file ${file}`)
  return file
}
