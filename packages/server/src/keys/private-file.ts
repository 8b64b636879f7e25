import { open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The text of a file that is for its owner alone; undefined where there is none. @throws Error when others can read it */
export async function readPrivate(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new Error(`${file} can be read by other users: run chmod 600 on it.`)
    }
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Puts a text into a file of mode 0600, so that whoever reads it, and a restart after a crash, finds the old text or the
 * new one, whole. One writer at a time.
 */
export async function writePrivate(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`
  const handle = await open(fresh, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, file)
  await syncDirectory(dirname(file))
}

/** A rename is on the disk once its directory is. Windows opens no directories, and needs no such thing. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
