import { randomUUID } from 'node:crypto'
import { busContract } from '@mesh/core/testing'
import { redis } from '@mesh/server/redis'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { hasRedis, redisUrl } from './redis-server.ts'
import { createTcpProxy } from './tcp-proxy.ts'

/** The way to the server through a proxy that can be cut. */
async function createWay() {
  const { hostname, port } = new URL(redisUrl)
  expect(hostname).toMatch(/^(127\.0\.0\.1|localhost)$/)
  const proxy = await createTcpProxy(Number(port || 6379))
  onTestFinished(() => proxy.close())
  return { proxy, url: Object.assign(new URL(redisUrl), { port: proxy.port }).href }
}

describe.runIf(hasRedis)('redis', () => {
  describe.each(['a URL', "the host's client"])('by %s', (by) => {
    for (const { name, run } of busContract) {
      test(name, async () => {
        const { proxy, url } = await createWay()
        const prefix = `${randomUUID()}:`
        const client = new Redis(url, { lazyConnect: true })
        onTestFinished(() => client.disconnect())
        await run({
          connect: () => redis(by === 'a URL' ? url : client, { prefix }),
          cut: proxy.cut,
          tellsUnheard: true,
        })
      })
    }
  })

  test('installations that share a server do not hear each other', async () => {
    const [one, two] = await Promise.all(
      ['one:', 'two:'].map((of) => redis(redisUrl, { prefix: `${randomUUID()}${of}` })),
    )
    onTestFinished(async () => void (await Promise.all([one?.close(), two?.close()])))
    two?.subscribe('news', () => expect.unreachable())
    await vi.waitUntil(() => two?.isUp)
    const unheard = vi.fn()
    one?.publish('news', 'private', unheard)
    await vi.waitFor(() => expect(unheard).toHaveBeenCalledOnce())
  })

  test('where nothing answers it starts without, and says in one sentence what is no URL', async () => {
    const bus = await redis('redis://:secret@127.0.0.1:1')
    onTestFinished(() => bus.close())
    expect(bus.isUp).toBe(false)
    const unheard = vi.fn()
    bus.publish('news', 'lost', unheard)
    await vi.waitFor(() => expect(unheard).toHaveBeenCalledOnce())
    for (const wrong of ['http://h', 'redis:secret', 'secret']) {
      await expect(redis(wrong)).rejects.toThrow(/^The URL of Redis is not valid((?!secret).)*$/)
    }
  })

  test('a server that stops answering counts as away within 10 s, and nothing piles up for it meanwhile', async () => {
    const { proxy, url } = await createWay()
    const bus = await redis(url)
    onTestFinished(() => bus.close())
    expect(bus.isUp).toBe(true)
    bus.subscribe('news', () => {})
    await vi.waitUntil(() => bus.isUp)
    const begun = performance.now()
    proxy.stall(true)
    const unheard = vi.fn()
    const megabyte = 'x'.repeat(1024 * 1024)
    for (let i = 0; i < 50; i++) bus.publish('news', megabyte, unheard)
    await vi.waitFor(() => expect(unheard.mock.calls.length).toBeGreaterThan(30))
    await vi.waitUntil(() => !bus.isUp, { timeout: 12_000 })
    // oxlint-disable-next-line no-console -- the figure is the point
    console.log(`silent server noticed after ${Math.round(performance.now() - begun)} ms`)
    expect(performance.now() - begun).toBeLessThan(10_000)
    proxy.stall(false)
    await vi.waitUntil(() => bus.isUp, { timeout: 10_000 })
  })
})
