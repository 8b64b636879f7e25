import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { attach } from './attach.ts'
import { createUpgrade } from './upgrade.ts'

let server: Server
let port: number
const undo: (() => void)[] = []

beforeEach(async () => {
  server = createServer((_request, response) => response.end('page')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterEach(() => {
  for (const detach of undo.splice(0)) detach()
  server.close()
  server.closeAllConnections()
})

/** An endpoint that says its name and closes. */
function mount(path: string, name = path, at: Server = server): () => void {
  const upgrade = createUpgrade({
    path,
    maxPayload: 98_304,
    allowOrigin: () => true,
    admit: () => 'ok',
    onConnection(ws) {
      ws.send(name)
      ws.close()
    },
  })
  const detach = attach(at, { path, upgrade })
  undo.push(detach)
  return detach
}

/** What answers a WebSocket at a path: the endpoint's name, or the HTTP status of the refusal. */
async function ask(path: string): Promise<string | number | undefined> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  return new Promise((resolve, reject) => {
    ws.on('message', (data) => resolve(String(data)))
    ws.on('unexpected-response', (request, response) => {
      resolve(response.statusCode)
      request.destroy()
    })
    ws.on('error', reject)
  })
}

const listeners = () =>
  ['upgrade', 'newListener', 'removeListener', 'request'].map((event) => server.listenerCount(event))

describe('attach', () => {
  it('takes its path, with any query, and answers 404 elsewhere', async () => {
    mount('/ws')
    expect(await ask('/ws')).toBe('/ws')
    expect(await ask('/ws?a=1')).toBe('/ws')
    expect(await ask('/')).toBe(404)
    expect(await ask('/ws/more')).toBe(404)
    expect(await ask('/ws')).toBe('/ws')
  })

  it('does not touch requests', async () => {
    mount('/ws')
    expect(server.listenerCount('request')).toBe(1)
    expect(await (await fetch(`http://127.0.0.1:${port}/ws`)).text()).toBe('page')
  })

  it('passes on what the handler does not want', async () => {
    undo.push(attach(server, { path: '/ws', upgrade: () => false }))
    expect(await ask('/ws')).toBe(404)
  })

  it('refuses a path that is taken, or is none', () => {
    mount('/ws')
    expect(() => mount('/ws')).toThrow('/ws is attached to this server already')
    expect(() => mount('ws')).toThrow('must start with /')
    expect(() => mount('/ws?a')).toThrow('no query')
    undo.pop()?.()
    mount('/ws')
  })

  it('takes several paths, undone in any order, and leaves no trace', async () => {
    const before = listeners()
    const detach = { a: mount('/a'), b: mount('/b'), c: mount('/c') }
    detach.a()
    detach.a()
    expect([await ask('/a'), await ask('/b'), await ask('/c')]).toEqual([404, '/b', '/c'])
    detach.c()
    mount('/a')
    expect([await ask('/a'), await ask('/b'), await ask('/c')]).toEqual(['/a', '/b', 404])
    for (const each of undo.splice(0)) each()
    expect(listeners()).toEqual(before)
    expect(Object.hasOwn(server, 'emit')).toBe(false)
  })

  it('detaching twice does not take away who came after', async () => {
    mount('/other')
    const first = mount('/ws', 'first')
    first()
    mount('/ws', 'second')
    first()
    expect(await ask('/ws')).toBe('second')
  })

  it('keeps its own 404 exactly while nobody else listens', async () => {
    const other = vi.fn((_request, socket) => socket.end('HTTP/1.1 418 Teapot\r\n\r\n'))
    mount('/ws')
    expect(server.listenerCount('upgrade')).toBe(1)
    server.on('upgrade', other)
    expect(server.listeners('upgrade')).toEqual([other])
    expect(await ask('/x')).toBe(418)
    server.on('upgrade', other)
    server.off('upgrade', other)
    expect(server.listeners('upgrade')).toEqual([other])
    server.removeAllListeners('upgrade')
    expect(await ask('/x')).toBe(404)
    server.once('upgrade', other)
    expect(await ask('/x')).toBe(418)
    expect(await ask('/x')).toBe(404)
    expect(await ask('/ws')).toBe('/ws')
  })

  it('lives with somebody else who wraps emit, before or after', async () => {
    const wrap = () => {
      const inner = server.emit
      server.emit = function (this: Server, ...args: unknown[]) {
        return Reflect.apply(inner, this, args)
      } as typeof server.emit
      return server.emit
    }
    const earlier = wrap()
    const detach = mount('/ws')
    expect(await ask('/ws')).toBe('/ws')
    detach()
    expect(server.emit).toBe(earlier)

    const again = mount('/ws')
    const later = wrap()
    expect(await ask('/ws')).toBe('/ws')
    again()
    expect(server.emit).toBe(later)
    mount('/other')
    expect(await ask('/ws')).toBe(404)
    expect(await ask('/other')).toBe('/other')
  })

  it('serves two servers apart', async () => {
    const second = createServer()
    mount('/ws')
    mount('/ws', 'second', second)
    expect(await ask('/ws')).toBe('/ws')
  })

  it('survives a stranger who resets the connection', async () => {
    mount('/ws')
    server.prependOnceListener('connection', (socket) => {
      setImmediate(() => setTimeout(() => socket.emit('error', new Error('ECONNRESET')), 50))
    })
    expect(await ask('/x')).toBe(404)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await ask('/ws')).toBe('/ws')
  })
})
