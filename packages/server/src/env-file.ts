import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/**
 * The variables of the `.env` file in a directory; none where there is no such file (a directory of that name is none).
 *
 * @throws the error of `node:fs` when the file is there and cannot be read.
 */
export function readEnvFile(directory: string): Record<string, string | undefined> {
  let text: string
  try {
    text = readFileSync(join(directory, '.env'), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EISDIR')) return {}
    throw error
  }
  // Editors on Windows begin a file with a byte order mark, which would become part of the first name.
  return { ...parseEnv(text.replace(/^\uFEFF/, '')) }
}
