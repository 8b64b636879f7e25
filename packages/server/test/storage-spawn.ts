import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const path = fileURLToPath(new URL('storage-child.ts', import.meta.url))

/** A second process on the database file; see `storage-child.ts`. It does not outlive the test. */
export function spawnChild(what: 'hold' | 'open' | 'write', ...args: string[]): ChildProcess {
  const child = fork(path, [what, ...args], {
    execArgv: ['--conditions=@mesh/source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Sends `go` once the child is ready. */
export async function letGo(child: ChildProcess): Promise<void> {
  await once(child, 'message')
  child.send('go')
}
