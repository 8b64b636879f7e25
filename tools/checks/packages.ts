// The packages as their users get them: packed, looked at by publint and are-the-types-wrong, installed by npm into an
// empty folder, and the server started from there with npx. Expects a full build (`pnpm run build`) to stand.
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = fileURLToPath(new URL('../..', import.meta.url))
const names = ['core', 'server', 'client-sdk', 'cli']
/** How long the installed server may take until it answers, and until it is gone after SIGTERM, in ms. */
const patience = 20_000
const run = promisify(execFile)
// The development condition of this repository must not help the installed packages.
const { NODE_OPTIONS: _, ...environment } = process.env

const faults: string[] = []
const report = (name: string, problem: string): void => {
  faults.push(`@mesh/${name}: ${problem}`)
}

/** Packs a package; resolves to the tarball's path. */
async function pack(name: string, target: string): Promise<string> {
  const { stdout } = await run('pnpm', ['pack', '--json', '--pack-destination', target], {
    cwd: join(root, 'packages', name),
  })
  const { filename } = JSON.parse(stdout) as { filename: string }
  return filename
}

async function checkContents(name: string, tarball: string): Promise<void> {
  const { stdout: list } = await run('tar', ['-tzf', tarball])
  for (const file of list.trim().split('\n')) {
    if (/^package\/(src|test)\/|\.test\.|\.tsbuildinfo$|(?<!\.d)\.ts$/.test(file)) report(name, `ships ${file}`)
  }
  const { stdout: manifest } = await run('tar', ['-xOzf', tarball, 'package/package.json'])
  for (const word of ['@mesh/source', 'workspace:', 'catalog:']) {
    if (manifest.includes(word)) report(name, `package.json contains ${word}`)
  }
}

async function checkWithPublint(name: string, tarball: string): Promise<void> {
  const { buffer } = Uint8Array.from(await readFile(tarball))
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true })
  for (const message of messages) report(name, `publint: ${formatMessage(message, pkg, { color: false })}`)
}

async function checkTypes(name: string, tarball: string): Promise<void> {
  const result = await checkPackage(createPackageFromTarballData(Uint8Array.from(await readFile(tarball))))
  if (result.types === false) {
    if (name !== 'cli') report(name, 'ships no types')
    return
  }
  for (const problem of result.problems) {
    // ESM only: resolution from CommonJS and by Node 10's rules is not offered.
    const kind = 'resolutionKind' in problem ? problem.resolutionKind : undefined
    if (kind === 'node10' || kind === 'node16-cjs') continue
    report(name, `are-the-types-wrong: ${JSON.stringify(problem)}`)
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** Installs the tarballs where nothing of the repository is in reach. */
async function install(folder: string, tarballs: Record<string, string>): Promise<void> {
  const dependencies = Object.fromEntries(
    Object.entries(tarballs).map(([name, path]) => [`@mesh/${name}`, `file:${path}`]),
  )
  const overrides = Object.fromEntries(Object.keys(dependencies).map((name) => [name, `$${name}`]))
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, dependencies, overrides }))
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, env: environment })
}

/** Starts the installed server, waits for /healthz, stops it with SIGTERM. */
async function checkServer(folder: string): Promise<void> {
  const port = await freePort()
  const env = { ...environment, MESH_PORT: String(port), MESH_DATA_DIR: join(folder, 'data') }
  // Its own process group: the signal must reach the server itself, whatever npx puts in between.
  const server = spawn('npx', ['--no-install', 'mesh-server'], { cwd: folder, env, detached: true })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()))
  const stop = (signal: NodeJS.Signals): void => {
    try {
      if (server.pid !== undefined) process.kill(-server.pid, signal)
    } catch {
      // The whole group is gone already.
    }
  }
  try {
    const answers = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined))?.status === 200
    const deadline = Date.now() + patience
    let healthy = await answers()
    while (!healthy && server.exitCode === null && Date.now() < deadline) {
      await sleep(100)
      healthy = await answers()
    }
    if (!healthy) return report('server', `the installed server does not answer /healthz with 200\n${output}`)
    stop('SIGTERM')
    // Closed means: every process that held its output is gone, the server included.
    const gone = await Promise.race([closed.then(() => true), sleep(patience, false, { ref: false })])
    if (!gone) report('server', `the installed server ignores SIGTERM\n${output}`)
  } finally {
    stop('SIGKILL')
  }
}

const temporary = await mkdtemp(join(tmpdir(), 'mesh-packages-'))
try {
  const tarballs: Record<string, string> = {}
  for (const name of names) {
    const tarball = await pack(name, temporary)
    tarballs[name] = tarball
    await checkContents(name, tarball)
    await checkWithPublint(name, tarball)
    await checkTypes(name, tarball)
  }
  console.log('Packed and examined.')
  const folder = join(temporary, 'app')
  await install(folder, tarballs)
  await run('npx', ['--no-install', 'mesh-cli', '--help'], { cwd: folder, env: environment }).catch((error: Error) =>
    report('cli', error.message),
  )
  await checkServer(folder)
  console.log('Installed, started and stopped.')
} finally {
  await rm(temporary, { recursive: true, force: true })
}
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
