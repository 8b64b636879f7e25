import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgres } from '@mesh/server/postgres'
import { describe, expect, it } from 'vitest'
import { createOwnRedis } from './own-redis.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { hasRedis } from './redis-server.ts'
import { prepare, startStandalone, type Standalone } from './standalone.ts'
import { open } from './support.ts'

const rate = { burst: 100_000, per_s: 100_000 }
const limits = JSON.stringify({ attempts: { handshake: rate }, classes: { chat: rate, other: rate }, frames: rate })

/** What a writer was told is stored, and how often it had to look for a node. */
interface Written {
  acknowledged: string[]
  connections: number
}

/** Writes one message after the other until it is told to stop, at whichever node takes it; what is not acknowledged comes again. */
async function write(
  nodes: Standalone[],
  first: number,
  token: string,
  room: string,
  signal: AbortSignal,
): Promise<Written> {
  const written: Written = { acknowledged: [], connections: 0 }
  let unsure: { id: string; text: string } | undefined
  for (let turn = first; !signal.aborted; turn++) {
    const node = nodes[turn % nodes.length]
    try {
      const wire = await open(`${node?.url.replace('http', 'ws')}/ws`)
      await wire.hello(token)
      expect((await wire.ask('room.join', room, {})).type).toBe('room.joined')
      written.connections++
      while (!signal.aborted) {
        unsure ??= { id: randomUUID(), text: randomUUID() }
        const { id, text } = unsure
        wire.send('chat.message.send', room, { text }, { id })
        const answer = await wire.next(({ reply_to }) => reply_to === id)
        if (answer.type !== 'chat.message.created') break
        written.acknowledged.push(unsure.text)
        unsure = undefined
      }
      wire.socket.close()
    } catch {
      // That node is on its way out, or not yet back.
      await sleep(20)
    }
  }
  return written
}

describe.runIf(hasPostgres && hasRedis)('a rolling restart of two nodes under load', () => {
  it('loses nothing acknowledged and writes nothing twice', { timeout: 90_000 }, async () => {
    const { url } = await createDatabase()
    // One of its own: nodes without a public URL take whoever else is on a Redis for one of them.
    const redis = await createOwnRedis()
    const fill = async (mesh: Parameters<Parameters<typeof prepare>[0]>[0]) => {
      const { user_id, access_token } = await mesh.tokens.mint({ user: { id: 'ann', name: 'ann' } })
      const { room_id } = await mesh.rooms.create(user_id, 'Rolling')
      return { room: room_id, token: access_token }
    }
    const { dataDir, room, token } = await prepare(fill, await postgres(url))
    const env = {
      MESH_DATABASE_URL: url,
      MESH_REDIS_URL: redis.url,
      MESH_KEYS_DIR: dataDir,
      MESH_DRAIN_S: '1',
      MESH_LIMITS: limits,
    }
    const start = async () => startStandalone((await prepare(async () => ({}))).dataDir, env)
    const nodes = [await start(), await start()]
    const stop = new AbortController()
    const writers = Array.from({ length: 6 }, (_, at) => {
      return write(nodes, at, token, room, stop.signal)
    })
    const codes: (number | null)[] = []
    for (const [at, node] of nodes.entries()) {
      await sleep(1_000)
      node.child.kill('SIGTERM')
      codes.push((await node.exited).code)
      nodes[at] = await start()
    }
    await sleep(1_000)
    stop.abort()
    const written = await Promise.all(writers)

    const storage = await postgres(url)
    const texts: string[] = []
    for (let after = 0, page = 1; page > 0;) {
      const events = await storage.events.list(room, { after, limit: 1_000 })
      for (const { type, payload } of events) if (type === 'chat.message.created') texts.push(String(payload.text))
      page = events.length
      after = events.at(-1)?.seq ?? after
    }
    await storage.close()
    const acknowledged = written.flatMap((one) => one.acknowledged)
    const lost = acknowledged.filter((text) => !texts.includes(text))
    const connections = written.reduce((sum, one) => sum + one.connections, 0)
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log(
      `2 nodes restarted under ${written.length} writers: ${acknowledged.length} messages acknowledged over ` +
        `${connections} connections, ${texts.length} stored, ${lost.length} lost, ${texts.length - new Set(texts).size} twice`,
    )
    expect(codes).toEqual([0, 0])
    expect(connections).toBeGreaterThan(written.length)
    expect(acknowledged.length).toBeGreaterThan(100)
    expect(lost).toEqual([])
    expect(new Set(texts).size).toBe(texts.length)
  })
})
