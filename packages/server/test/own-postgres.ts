import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

/** Where Debian has the programs of a server; undefined where there are none. */
const programs = findPrograms()
if (programs === undefined) {
  const missing = 'No programs of a PostgreSQL server in /usr/lib/postgresql'
  if (process.env['CI'] === 'true') throw new Error(missing)
  process.stderr.write(`\n${missing}: the tests that restart one DO NOT RUN.\n\n`)
}

/** Whether a test can have a PostgreSQL server of its own. */
export const hasOwnPostgres = programs !== undefined

/** A server that a test may stop and start. It is gone when the test that made it has finished. */
export interface OwnPostgres {
  readonly url: string
  start(): Promise<void>
  /** Cuts every connection and stops, as after a loss of power: what was committed is recovered at the next start. */
  crash(): Promise<void>
}

/** Makes a database cluster on a free port and starts it. */
export async function createOwnPostgres(): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-postgres-'))
  const data = join(folder, 'data')
  const port = await freePort()
  // The server refuses to run as root.
  const user = userInfo().uid === 0 ? await idsOf('postgres') : undefined
  if (user) await chown(folder, user.uid, user.gid)
  const program = (name: string, ...args: string[]) => run(join(programs ?? '', name), args, { cwd: folder, ...user })
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder}`

  const own: OwnPostgres = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async start() {
      await program('pg_ctl', 'start', '-w', '-D', data, '-o', options, '-l', join(folder, 'log'))
    },
    async crash() {
      await program('pg_ctl', 'stop', '-w', '-m', 'immediate', '-D', data)
    },
  }
  onTestFinished(async () => {
    await own.crash().catch(() => {})
    await rm(folder, { recursive: true, force: true })
  })
  await program('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync')
  await own.start()
  return own
}

function findPrograms(): string | undefined {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return undefined
  const found = readdirSync(root).map((version) => join(root, version, 'bin'))
  return found.findLast((folder) => existsSync(join(folder, 'initdb')))
}

async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)))
  return { uid: uid ?? 0, gid: gid ?? 0 }
}
