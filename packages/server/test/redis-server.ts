import { Redis } from 'ioredis'

/** A Redis or Valkey server for tests; each uses a prefix of its own. */
export const redisUrl = process.env['MESH_TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379'

/** Whether there is one. Where there has to be one, its absence is a failure. */
export const hasRedis = await answers()
if (!hasRedis) {
  const missing = 'No Redis server answers at 127.0.0.1:6379 (or MESH_TEST_REDIS_URL)'
  if (process.env['CI'] === 'true') throw new Error(missing)
  process.stderr.write(`\n${missing}: the tests that need one DO NOT RUN.\n\n`)
}

async function answers(): Promise<boolean> {
  const client = new Redis(redisUrl, { lazyConnect: true, retryStrategy: null, connectTimeout: 2_000 })
  client.on('error', () => {})
  try {
    return (await client.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}
