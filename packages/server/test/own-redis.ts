import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { Redis } from 'ioredis'
import { vi } from 'vitest'
import { atEnd } from './ends.ts'
import { freePort } from './free-port.ts'

/** A Redis server that a test may kill and start again. */
export interface OwnRedis {
  readonly url: string
  /** Resolves when it answers. */
  start(): Promise<void>
  kill(): Promise<void>
  /** Ends the connections of all who listen, and theirs alone. */
  cutListeners(): Promise<void>
}

/** Starts a server on a free port; it keeps nothing, and is gone after the tests of this file. */
export async function createOwnRedis(): Promise<OwnRedis> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  let child: ChildProcess | undefined
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null })
  client.on('error', () => {})

  const own: OwnRedis = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      child = spawn('redis-server', args, { stdio: 'ignore' })
      await client.ping()
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const died = once(child, 'exit')
      child.kill('SIGKILL')
      await died
      await vi.waitUntil(() => client.status !== 'ready')
    },
    async cutListeners() {
      await client.client('KILL', 'TYPE', 'PUBSUB')
    },
  }
  atEnd(async () => {
    await own.kill()
    client.disconnect()
  })
  await own.start()
  return own
}
