import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** The path of a database file that does not exist yet, in a folder that goes when the test is over. */
export async function freshFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-storage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'data', 'mesh.db')
}
