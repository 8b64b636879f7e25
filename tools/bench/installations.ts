import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { startServer, stopServer, type Server } from './servers.ts'

/** Two servers that reach each other's clients over one Redis. */
export type Nodes = readonly [here: Server, there: Server]

/** Mesh and Socket.IO, two servers each, on a Redis of their own. */
export interface Installations {
  mesh: Nodes
  socketIo: Nodes
  /** Microseconds of CPU that Redis has used so far. */
  redisCpu(): Promise<number>
  close(): Promise<void>
}

/** A server is not there that the nodes need. */
export class Missing extends Error {}

const postgresUrl = process.env['MESH_TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

/** Starts them. @throws Missing without `redis-server` or a PostgreSQL server */
export async function startInstallations(): Promise<Installations> {
  const redis = await startRedis()
  const database = `mesh_bench_${randomBytes(6).toString('hex')}`
  const folder = await mkdtemp(join(tmpdir(), 'mesh-bench-keys-'))
  const servers: Server[] = []
  const start = async (...args: Parameters<typeof startServer>) => {
    const server = await startServer(...args)
    servers.push(server)
    return server
  }
  const close = async () => {
    for (const server of servers) stopServer(server)
    await redis.close()
    await query(`drop database if exists ${database} with (force)`).catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await query(`create database ${database}`)
    const shared = JSON.stringify({
      MESH_DATABASE_URL: Object.assign(new URL(postgresUrl), { pathname: `/${database}` }).href,
      MESH_REDIS_URL: redis.url,
      MESH_KEYS_DIR: folder,
      MESH_PUBLIC_URL: 'http://127.0.0.1:7330',
    })
    const here = await start('server-mesh.ts', shared)
    const there = { ...here, ...(await start('server-mesh.ts', shared, 'another')) }
    const socketIo = [
      await start('server-socketio.ts', redis.url),
      await start('server-socketio.ts', redis.url),
    ] as const
    return { mesh: [here, there], socketIo, redisCpu: redis.cpu, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function startRedis() {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  await new Promise((resolve, reject) =>
    child.once('spawn', resolve).once('error', () => reject(new Missing('There is no redis-server to start'))),
  )
  const stop = () => void child.kill()
  process.once('exit', stop)
  const client = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null })
  client.on('error', () => {})
  await client.ping()
  return {
    url: `redis://127.0.0.1:${port}`,
    async cpu() {
      const used = (await client.info('cpu')).matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)
      return [...used].reduce((sum, [, seconds]) => sum + Number(seconds) * 1e6, 0)
    },
    async close() {
      client.disconnect()
      stop()
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function query(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl, connectionTimeoutMillis: 3_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(text)
  } catch (error) {
    throw new Missing('No PostgreSQL server answers at 127.0.0.1:5432 (or MESH_TEST_POSTGRES_URL)', { cause: error })
  } finally {
    await client.end().catch(() => {})
  }
}
