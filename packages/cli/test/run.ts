import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How a run ended; `code` as a shell sees it. */
export interface Run {
  code: number
  stdout: string
  stderr: string
}

const entry = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

/** A data directory of its own with a command line on it. */
export function createInstallation() {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-cli-'))
  const started = new Set<ChildProcessWithoutNullStreams>()

  function start(args: readonly string[], env: Record<string, string> = {}): ChildProcessWithoutNullStreams {
    const settings = Object.entries(process.env).filter(([name]) => !name.startsWith('MESH_'))
    const child = spawn(process.execPath, ['--conditions=@mesh/source', entry, ...args], {
      cwd: directory,
      env: { ...Object.fromEntries(settings), MESH_DATA_DIR: join(directory, 'data'), ...env },
    })
    started.add(child)
    child.once('exit', () => started.delete(child))
    return child
  }

  /** Starts `mesh-cli serve` on a free port and waits until it listens. */
  async function serve(env: Record<string, string> = {}) {
    const child = start(['serve'], { MESH_PORT: '0', ...env })
    const done = ended(child)
    const url = await new Promise<string>((resolve, reject) => {
      let log = ''
      child.stdout.on('data', (text: string) => {
        log += text
        const line = log.split('\n').find((entry) => entry.includes('mesh is listening'))
        if (line?.endsWith('}')) resolve((JSON.parse(line) as { url: string }).url)
      })
      void done.then(({ stderr }) => reject(new Error(stderr)))
    })
    return { url, child, done }
  }

  return {
    directory,
    dataDir: join(directory, 'data'),
    start,
    serve,
    /** Runs a command to its end. */
    run: (args: readonly string[], { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {}) => {
      const child = start(args, env)
      child.stdin.end(input)
      return ended(child)
    },
    /** Ends whatever still runs and removes the directory. */
    remove() {
      for (const child of started) child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Waits for a program to end. */
export function ended(child: ChildProcessWithoutNullStreams): Promise<Run> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143), stdout, stderr }))
  })
}
