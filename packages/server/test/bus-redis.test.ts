import { randomUUID } from 'node:crypto'
import { silentLogger } from '@mesh/core'
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

  test('what is published in one turn goes out together, all of it in order; what nobody wrote is handed on', async () => {
    const prefix = `${randomUUID()}:`
    const [one, two] = [await redis(redisUrl, { prefix }), await redis(redisUrl, { prefix })]
    const server = new Redis(redisUrl)
    onTestFinished(async () => {
      await Promise.all([one.close(), two.close()])
      server.disconnect()
    })
    const heard: string[] = []
    for (const topic of ['a', 'b']) two.subscribe(topic, (message) => heard.push(topic + message))
    await vi.waitUntil(() => two.isUp)
    const sent: string[] = []
    server.on('pmessage', (_pattern, channel: string) => sent.push(channel.slice(prefix.length)))
    await server.psubscribe(`${prefix}*`)
    const say = (said: string) => one.publish(said.slice(0, 1), said.slice(1))
    for (const said of ['a1', 'a2', 'a3', 'b4', 'a5']) say(said)
    await vi.waitFor(() => expect(heard).toEqual(['a1', 'a2', 'a3', 'b4', 'a5']))
    await vi.waitFor(() => expect(sent).toEqual(['a', 'b', 'a']))
    // The first goes at once; what comes of other things in the same turn waits for its end.
    for (const said of ['a6', 'a7', 'a8', 'a9']) {
      say(said)
      for (let i = 0; i < 10; i++) await undefined
    }
    await vi.waitFor(() => expect(heard.slice(5)).toEqual(['a6', 'a7', 'a8', 'a9']))
    await vi.waitFor(() => expect(sent.slice(3)).toEqual(['a', 'a']))
    for (const wrong of ['-3:abc', 'x:abc', 'abc']) await server.publish(`${prefix}a`, `${randomUUID()}2:ok${wrong}`)
    await vi.waitFor(() => expect(heard.slice(9)).toEqual(['aok', 'a-3:abc', 'aok', 'ax:abc', 'aok', 'aabc']))
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

  test('where nothing answers it starts without, says so, and says in one sentence what is no URL', async () => {
    const warn = vi.fn()
    const bus = await redis('redis://:secret@127.0.0.1:1', { logger: { ...silentLogger, warn } })
    onTestFinished(() => bus.close())
    expect(bus.isUp).toBe(false)
    expect(warn.mock.calls).toEqual([[{ code: 'ECONNREFUSED' }, expect.stringContaining('the bus is not up')]])
    const unheard = vi.fn()
    bus.publish('news', 'lost', unheard)
    await vi.waitFor(() => expect(unheard).toHaveBeenCalledOnce())
    for (const wrong of ['http://h', 'redis:secret', 'secret']) {
      await expect(redis(wrong)).rejects.toThrow(/^The URL of Redis is not valid((?!secret).)*$/)
    }
  })

  test('topics that are only just being listened to are no outage, and what is published meanwhile is heard', async () => {
    const warn = vi.fn()
    const options = { prefix: `${randomUUID()}:`, logger: { ...silentLogger, warn } }
    const [bus, other] = [await redis(redisUrl, options), await redis(redisUrl, options)]
    onTestFinished(async () => void (await Promise.all([bus.close(), other.close()])))
    const heard = vi.fn()
    other.subscribe('news', heard)
    await vi.waitUntil(() => other.isUp)
    // Each is confirmed while the others are asked for still.
    for (const topic of ['a', 'b', 'c']) bus.subscribe(topic, () => {})
    expect(bus.isUp).toBe(false)
    bus.publish('news', 'meanwhile')
    await vi.waitUntil(() => bus.isUp)
    await vi.waitFor(() => expect(heard).toHaveBeenCalledExactlyOnceWith('meanwhile'))
    expect([bus.outages, warn.mock.calls]).toEqual([0, []])
  })

  test('a topic that the server refuses is an outage', async () => {
    const [user, prefix] = [`mesh-${randomUUID()}`, `${randomUUID()}:`]
    const admin = new Redis(redisUrl)
    onTestFinished(async () => {
      await admin.acl('DELUSER', user)
      admin.disconnect()
    })
    await admin.acl('SETUSER', user, 'on', '>secret', '+@all', 'resetchannels', `&${prefix}beat`, `&${prefix}news`)
    const warn = vi.fn()
    const bus = await redis(Object.assign(new URL(redisUrl), { username: user, password: 'secret' }).href, {
      prefix,
      logger: { ...silentLogger, warn },
    })
    onTestFinished(() => bus.close())
    bus.subscribe('news', () => {})
    await vi.waitUntil(() => bus.isUp)
    bus.subscribe('secrets', () => {})
    await vi.waitUntil(() => bus.outages === 1)
    expect(warn.mock.calls).toEqual([[{ code: 'NOPERM' }, expect.stringContaining('the bus is down')]])
    expect(bus.isUp).toBe(false)
  })

  test('a server that does not let it in is told of by the word that it says, and neither by the password nor the name', async () => {
    const warn = vi.fn()
    const url = Object.assign(new URL(redisUrl), { username: `mesh-${randomUUID()}`, password: 'secret' }).href
    const bus = await redis(url, { logger: { ...silentLogger, warn } })
    onTestFinished(() => bus.close())
    expect(warn.mock.calls).toEqual([[{ code: 'WRONGPASS' }, expect.stringContaining('the bus is not up')]])
  })

  test('a server that refuses what is published is no bus until it takes it, and all of it is told as unheard', async () => {
    const [user, prefix] = [`mesh-${randomUUID()}`, `${randomUUID()}:`]
    const admin = new Redis(redisUrl)
    onTestFinished(async () => {
      await admin.acl('DELUSER', user)
      admin.disconnect()
    })
    await admin.acl('SETUSER', user, 'on', '>secret', '+@all', '-publish', 'resetchannels', `&${prefix}*`)
    const bus = await redis(Object.assign(new URL(redisUrl), { username: user, password: 'secret' }).href, { prefix })
    onTestFinished(() => bus.close())
    bus.subscribe('news', () => {})
    await vi.waitUntil(() => bus.isUp)
    // As much as may wait: what was refused waits no more.
    const unheard = vi.fn()
    const megabyte = 'x'.repeat(1024 * 1024)
    for (let i = 0; i < 16; i++) bus.publish('news', megabyte, unheard)
    await vi.waitFor(() => expect(unheard).toHaveBeenCalledTimes(16))
    expect(bus.isUp).toBe(false)
    await admin.acl('SETUSER', user, '+publish')
    await vi.waitUntil(() => bus.isUp, { timeout: 10_000 })
    const other = await redis(redisUrl, { prefix })
    onTestFinished(() => other.close())
    const heard = vi.fn()
    other.subscribe('news', heard)
    await vi.waitUntil(() => other.isUp)
    bus.publish('news', megabyte)
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce())
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
