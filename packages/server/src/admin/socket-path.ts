import { createHash } from 'node:crypto'
import { mkdirSync, lstatSync, realpathSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** The kernel's own limit is 107 bytes on Linux and 103 on macOS; beyond it Node would silently use a shorter path. */
const longest = 100

/**
 * Where the server of a data directory listens for its administrator: `mesh.sock` in it, or, where that path is too long for a
 * socket, a name made from it in a directory of this user's under the system's temporary one.
 */
export function socketPathOf(dataDir: string): string {
  const directory = realPath(dataDir)
  const own = join(directory, 'mesh.sock')
  if (Buffer.byteLength(own) <= longest) return own
  const name = createHash('sha256').update(directory).digest('base64url').slice(0, 22)
  return join(tmpdir(), `mesh-${userInfo().uid}`, `${name}.sock`)
}

/**
 * Makes the socket's directory for this user alone.
 * @throws Error when somebody else was there first: what listens in their directory could be anybody.
 */
export function prepareSocketDirectory(path: string, dataDir: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  if (isForeign(path, dataDir)) throw new Error(`${dirname(path)} is not a directory of this user alone.`)
}

/** Whether a socket outside the data directory lies where other users could have put it. */
export function isForeign(path: string, dataDir: string): boolean {
  const directory = dirname(path)
  if (directory === realPath(dataDir)) return false
  const stats = lstatSync(directory, { throwIfNoEntry: false })
  return stats !== undefined && (!stats.isDirectory() || stats.uid !== userInfo().uid || (stats.mode & 0o077) !== 0)
}

/** However a directory is spelt, it is the same one. One that is not there yet has only its name. */
function realPath(directory: string): string {
  try {
    return realpathSync(directory)
  } catch {
    return resolve(directory)
  }
}
