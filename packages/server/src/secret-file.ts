import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'

/** More than any secret has, in bytes. */
const longest = 64 * 1024

/** Where Docker mounts secrets: always mode 0444, in a container that has one user to speak of. */
const mounted = /^(\/var)?\/run\/secrets\//

/** What a secret's file holds. */
export interface SecretFile {
  /** The text, without white space around it. */
  readonly text: string
  /** Whether other users of the machine may read it, outside the places where containers get their secrets. */
  readonly exposed: boolean
}

/**
 * Reads a secret from a file of its own, at an absolute path.
 * @throws Error whose message completes the sentence "<name> must be ...", without the path and the content
 */
export function readSecretFile(path: string): SecretFile {
  const { text, mode } = read(path)
  // Whoever may write it chooses the secret.
  if (mode & 0o022) throw new Error('a file that only its owner can write to')
  if (text === '') throw new Error('a file that is not empty')
  return { text, exposed: (mode & 0o044) !== 0 && !mounted.test(path) }
}

function read(path: string): { text: string; mode: number } {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const stats = fstatSync(file)
    if (!stats.isFile() || stats.size > longest) throw new Error('not a file of this kind')
    const text = readFileSync(file, 'utf8').trim()
    return { text, mode: process.platform === 'win32' ? 0 : stats.mode }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new Error(`a file of at most ${longest} bytes that can be read${code}`, { cause: error })
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
