import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { UpgradeOptions } from './upgrade.ts'
import { createUpgrade, socketLimits } from './upgrade.ts'

const maxPayload = 98_304
let server: Server | undefined
const connections: WebSocket[] = []

afterEach(() => {
  for (const ws of connections.splice(0)) ws.terminate()
  server?.close()
  server?.closeAllConnections()
})

/** A server whose upgrades go to the endpoint at /ws, which echoes; what it leaves alone is answered 418. */
async function listen(
  options: Partial<UpgradeOptions> = {},
): Promise<{ port: number; admit: UpgradeOptions['admit'] }> {
  const admit = vi.fn<UpgradeOptions['admit']>(() => 'ok')
  const upgrade = createUpgrade({
    path: '/ws',
    maxPayload,
    allowOrigin: (origin) => origin === 'https://app.example',
    admit,
    onConnection(ws) {
      connections.push(ws)
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
    },
    ...options,
  })
  server = createServer().listen(0, '127.0.0.1')
  server.on('upgrade', (request, socket, head) => {
    if (!upgrade(request, socket, head)) socket.end("HTTP/1.1 418 I'm a Teapot\r\n\r\n")
  })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, admit }
}

interface Handshake {
  path?: string
  method?: string
  version?: string | undefined
  headers?: Record<string, string>
}

/** Sends a raw handshake and reads until the server ends; the head and the body of the answer. */
async function handshake(port: number, options: Handshake = {}): Promise<{ head: string; body: string }> {
  const { path = '/ws', method = 'GET', headers = {} } = options
  const version = 'version' in options ? options.version : '13'
  const fields = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...(version === undefined ? {} : { 'Sec-WebSocket-Version': version }),
    ...headers,
  }
  const socket = connect(port, '127.0.0.1')
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (text.startsWith('HTTP/1.1 101')) break
  }
  socket.destroy()
  const end = text.indexOf('\r\n\r\n')
  return { head: text.slice(0, end), body: text.slice(end + 4) }
}

const rawHandshake =
  'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

function openConnections(): Promise<number> {
  return new Promise((resolve) => server?.getConnections((_error, count) => resolve(count)))
}

async function client(
  port: number,
  protocols: string[] = [],
  headers: Record<string, string> = {},
): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, protocols, { headers })
  connections.push(ws)
  await once(ws, 'open')
  return ws
}

describe('createUpgrade', () => {
  it('opens a socket, and leaves other paths to others', async () => {
    const { port } = await listen()
    const ws = await client(port, [], { Origin: 'https://app.example' })
    ws.send('hello')
    const [data] = await once(ws, 'message')
    expect(String(data)).toBe('hello')
    for (const path of ['/', '/wss', '/ws/', '/WS', '/a/ws', '/other?/ws']) {
      expect((await handshake(port, { path })).head).toContain('418')
    }
  })

  it('does not look at the query, but for tokens', async () => {
    const { port } = await listen()
    expect((await handshake(port, { path: '/ws?room=1' })).head).toContain('101')
    for (const query of ['token=x', 'a=1&access_token=x', 'jwt', 'TOKEN=x', '%74oken=x']) {
      const { head, body } = await handshake(port, { path: `/ws?${query}` })
      expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
      expect(JSON.parse(body)).toMatchObject({ type: 'error', code: 'BAD_MESSAGE', payload: { retryable: false } })
    }
  })

  it('answers refusals with a complete response, and ends', async () => {
    const { port } = await listen()
    const { head, body } = await handshake(port, { version: '12' })
    expect(head).toMatch(/\r\nConnection: close\r\n/)
    expect(head).toContain(`Content-Length: ${body.length}`)
    expect(head).toContain('Sec-WebSocket-Version: 13')
  })

  it.each(['8', '12', '14', '', '13, 13', undefined])('speaks version 13, not %s', async (version) => {
    const { port } = await listen()
    expect((await handshake(port, { version })).head).toContain('HTTP/1.1 400')
  })

  it('answers every other malformed handshake 400', async () => {
    const { port } = await listen()
    const malformed: Handshake[] = [
      { method: 'POST', headers: { 'Content-Length': '0' } },
      { headers: { Upgrade: 'h2c' } },
      { headers: { 'Sec-WebSocket-Key': 'short' } },
      { headers: { 'Sec-WebSocket-Protocol': 'a,,b' } },
    ]
    for (const options of malformed) expect((await handshake(port, options)).head).toContain('HTTP/1.1 400')
  })

  it('answers a foreign origin 403, and does not ask without one', async () => {
    const { port, admit } = await listen()
    expect((await handshake(port, { headers: { Origin: 'https://evil.example' } })).head).toContain('HTTP/1.1 403')
    expect(admit).not.toHaveBeenCalled()
    expect((await handshake(port)).head).toContain('101')
  })

  it('answers 429 and 503 when it is told so', async () => {
    let verdict: 'too_many' | 'unavailable' = 'too_many'
    const { port } = await listen({ admit: () => verdict })
    const many = await handshake(port)
    expect(many.head).toContain('HTTP/1.1 429')
    expect(many.head).toContain('Retry-After: 1')
    expect(JSON.parse(many.body)).toMatchObject({ code: 'RATE_LIMITED', payload: { retryable: true } })
    verdict = 'unavailable'
    expect((await handshake(port)).head).toContain('HTTP/1.1 503')
  })

  it('echoes mesh.v1 and no other subprotocol', async () => {
    const { port } = await listen()
    const ask = async (offer: string) => (await handshake(port, { headers: { 'Sec-WebSocket-Protocol': offer } })).head
    expect((await client(port, ['mesh.v1'])).protocol).toBe('mesh.v1')
    expect((await client(port, ['other', 'mesh.v1'])).protocol).toBe('mesh.v1')
    expect(await ask('other')).toContain('101')
    expect(await ask('other')).not.toContain('Sec-WebSocket-Protocol')
    expect((await client(port)).protocol).toBe('')
  })

  it('does not compress', async () => {
    const { port } = await listen()
    expect((await client(port)).extensions).toBe('')
  })

  it('closes on a message that is too large (1009)', async () => {
    const { port } = await listen()
    const ws = await client(port)
    ws.send('x'.repeat(maxPayload))
    expect(String((await once(ws, 'message'))[0])).toHaveLength(98_304)
    ws.send('x'.repeat(maxPayload + 1))
    expect((await once(ws, 'close'))[0]).toBe(1009)
  })

  it('closes on a message in too many fragments (1008)', async () => {
    const { port } = await listen()
    const ws = await client(port)
    for (let i = 0; i < 63; i++) ws.send('x', { fin: false })
    ws.send('x', { fin: true })
    expect(String((await once(ws, 'message'))[0])).toHaveLength(64)
    for (let i = 0; i < 65; i++) ws.send('x', { fin: false })
    expect((await once(ws, 'close'))[0]).toBe(1008)
  })

  it('survives a refused client that resets the connection', async () => {
    const sockets: IncomingMessage['socket'][] = []
    const { port } = await listen({
      allowOrigin: (_origin, request) => {
        sockets.push(request.socket)
        return false
      },
    })
    const refused = handshake(port, { headers: { Origin: 'https://evil.example' } })
    await vi.waitFor(() => expect(sockets).toHaveLength(1))
    sockets[0]?.emit('error', new Error('ECONNRESET'))
    await refused
  })

  it('answers a client that keeps talking, and lets it hang up', async () => {
    const { port } = await listen({ admit: () => 'unavailable' })
    const socket = connect(port, '127.0.0.1')
    socket.write(`${rawHandshake}${'x'.repeat(500_000)}`)
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer).toContain('HTTP/1.1 503')
    await vi.waitFor(async () => expect(await openConnections()).toBe(0), { timeout: socketLimits.refusalTimeout / 2 })
  })

  it('cuts off a refused client that does not hang up', async () => {
    const { port } = await listen({ admit: () => 'unavailable' })
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write(rawHandshake)
    socket.on('error', () => {})
    socket.resume()
    await once(socket, 'end')
    expect(await openConnections()).toBe(1)
    await vi.waitFor(async () => expect(await openConnections()).toBe(0), {
      timeout: socketLimits.refusalTimeout + 1_000,
    })
    socket.destroy()
  })
})
