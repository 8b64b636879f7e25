import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answersStun } from './turn-client.ts'

/** The TURN server under test. */
export const executable = process.env['TURNSERVER'] ?? '/usr/bin/turnserver'

/** Whether it is there. In CI it has to be, so there a missing one lets the tests fail and not be skipped. */
export const hasCoturn = existsSync(executable) || process.env['CI'] !== undefined

/** What these tests and their coturn share. */
export const secret = 'a secret of the tests alone'

/** A coturn that runs. */
export interface Coturn {
  readonly port: number
  close(): Promise<void>
}

/** Starts coturn on loopback with the documented configuration, and what a test needs besides as options. */
export async function startCoturn(options: readonly string[] = []): Promise<Coturn> {
  // Between looking for a free port and taking it somebody else may have taken it.
  for (let tries = 1; tries < 3; tries++) {
    try {
      return await start(options)
    } catch {
      // Another port, then.
    }
  }
  return start(options)
}

async function start(options: readonly string[]): Promise<Coturn> {
  const configuration = fileURLToPath(new URL('../../../docs/coturn/turnserver.conf', import.meta.url))
  const directory = await mkdtemp(join(tmpdir(), 'mesh-coturn-'))
  const port = await freePort()
  const overrides = [
    '--listening-ip=127.0.0.1',
    '--relay-ip=127.0.0.1',
    '--relay-ip=::1',
    `--listening-port=${port}`,
    `--static-auth-secret=${secret}`,
    '--no-tls',
    '--no-dtls',
    `--pidfile=${join(directory, 'pid')}`,
    `--userdb=${join(directory, 'db')}`,
    '--log-file=stdout',
  ]
  const child = spawn(executable, ['-c', configuration, ...overrides, ...options], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const close = async (): Promise<void> => {
    child.kill()
    await ended
    await rm(directory, { recursive: true, force: true })
  }
  for (let attempts = 0; !(await answersStun(port)); attempts++) {
    if (attempts < 50 && child.exitCode === null) continue
    await close()
    throw new Error('coturn did not start')
  }
  return { port, close }
}

/** Credentials as coturn's REST API has them, made without Mesh. `exp` in seconds since 1970. */
export function credentialsOf(user: string, exp = Math.floor(Date.now() / 1000) + 600, key = secret) {
  const username = `${exp}:${user}`
  return { username, credential: createHmac('sha1', key).update(username).digest('base64') }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}
