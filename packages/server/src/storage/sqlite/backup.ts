import { existsSync } from 'node:fs'
import { constants, copyFile, link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MeshError } from '@mesh/core/errors'
import Database from 'better-sqlite3'
import { newerSchema } from '../migrations/index.ts'
import { holdAlone } from './hold.ts'
import { readSqlite } from './read.ts'

/**
 * Copies a database, in use or not, as it is at one moment, into a new file of mode 0600. It is whole and checked when this
 * resolves.
 * @throws MeshError CONFLICT where there is a file already; Error with one sentence where the database is not fit to be read
 */
export async function backupSqlite(file: string, to: string): Promise<void> {
  await claim(to)
  try {
    const source = new Database(file, { readonly: true, fileMustExist: true })
    try {
      // All pages in one step: with more, every commit of somebody else's would make it begin again.
      await source.backup(to, { progress: () => 0x7fff_ffff })
    } finally {
      source.close()
    }
    makeWhole(to)
    await readSqlite(to, () => {})
    await sync(to)
    await sync(dirname(to))
  } catch (error) {
    await rm(to, { force: true })
    throw error
  }
}

/**
 * Puts a backup in the place of a database, whole or broken. What was there before is kept beside it; resolves with its path,
 * if there was one.
 * @throws MeshError CONFLICT where a process has the database open; Error with one sentence where the backup is not fit
 */
export async function restoreSqlite(from: string, file: string): Promise<string | undefined> {
  const { newer } = await readSqlite(from, (_, status) => status)
  if (newer !== undefined) throw newerSchema(`The backup ${from}`, newer)
  const fresh = `${file}.restoring`
  await rm(fresh, { force: true })
  let release: (() => void) | undefined
  try {
    await backupSqlite(from, fresh)
    const before = existsSync(file)
    if (before) release = holdAlone(file, { others: 'nothing' })
    const kept = `${file}.before-${new Date().toISOString().replaceAll(':', '-')}`
    // A second name for it, where there can be one: the database has its own until the moment that the backup gets it.
    if (before) await link(file, kept).catch(() => copyFile(file, kept, constants.COPYFILE_EXCL))
    // The log of one that is broken or gone would be taken for the backup's, and written into it.
    for (const log of ['-wal', '-shm', '-journal']) {
      if (existsSync(file + log)) await rename(file + log, kept + log)
    }
    await rename(fresh, file)
    await sync(dirname(file))
    return before ? kept : undefined
  } finally {
    release?.()
    await rm(fresh, { force: true })
  }
}

/** Leaves nothing of a copy beside it: one file is all there is to carry about. */
function makeWhole(file: string): void {
  const copy = new Database(file, { fileMustExist: true })
  try {
    copy.pragma('journal_mode = DELETE')
  } finally {
    copy.close()
  }
}

/** Makes an empty file for its owner alone. */
async function claim(path: string): Promise<void> {
  try {
    const handle = await open(path, 'wx', 0o600)
    await handle.close()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    throw new MeshError('CONFLICT', `There is a file ${path} already`)
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
