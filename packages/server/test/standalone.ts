import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Storage } from '@mesh/core'
import { createMesh, type MeshServer } from '@mesh/server'
import { onTestFinished } from 'vitest'

const program = fileURLToPath(new URL('standalone-child.ts', import.meta.url))

/** The standalone server in a process of its own. It does not outlive the test. */
export interface Standalone {
  child: ChildProcess
  /** Where clients come. */
  url: string
  /** Where metrics are told. */
  monitorUrl: string
  /** What it has logged so far. */
  log: string[]
  exited: Promise<{ code: number | null; signal: string | null }>
}

/** Makes a data directory, and puts something into it or into a storage elsewhere, before there is a server. */
export async function prepare<T>(
  fill: (mesh: MeshServer) => Promise<T>,
  storage?: Storage,
): Promise<T & { dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-standalone-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const mesh = await createMesh({ dataDir, ...(storage && { storage }) })
  const made = await fill(mesh)
  await mesh.close()
  return { ...made, dataDir }
}

/** Starts the server on a data directory, with a port of its own for metrics. */
export async function startStandalone(dataDir: string, env: Record<string, string> = {}): Promise<Standalone> {
  const child = fork(program, {
    cwd: dataDir,
    env: { PATH: process.env.PATH, MESH_DATA_DIR: dataDir, MESH_PORT: '0', MESH_METRICS_PORT: '0', ...env },
    execArgv: ['--conditions=@mesh/source'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  const log: string[] = []
  const urls = new Promise<string[]>((resolve, reject) => {
    const found: string[] = []
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        log.push(line)
        const { url } = JSON.parse(line) as { url?: string }
        if (url !== undefined && found.push(url) === 2) resolve(found)
      })
    }
    void exited.then(() => reject(new Error('The server did not start')))
  })
  const [url = '', monitorUrl = ''] = await urls
  return { child, url, monitorUrl, log, exited }
}
