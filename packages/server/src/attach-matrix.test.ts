import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastifyWebsocket from '@fastify/websocket'
import { createAdaptorServer, upgradeWebSocket } from '@hono/node-server'
import type { WebSocketServerLike } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { ExpressPeerServer } from 'peer'
import { Server as SocketIo } from 'socket.io'
import { io } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { attach } from './attach.ts'
import { createUpgrade } from './upgrade.ts'

type Close = () => unknown

/** Another WebSocket library on the same server. */
interface Neighbour {
  name: string
  /** Brings it up on the server, the way its own documentation does. */
  install(server: Server): Close | Promise<Close>
  /** Connects as its own client would and gets a message across; throws when that fails. */
  talk(port: number): Promise<void>
  /** The status of an upgrade at a path that nobody has, or `hangs` where the neighbour never answers one. */
  unknown: number | 'open' | 'hangs'
}

const neighbours: Neighbour[] = [
  {
    name: 'ws {server}',
    install(server) {
      const wss = new WebSocketServer({ server })
      wss.on('connection', (ws) => ws.on('message', (data) => ws.send(`ws ${String(data)}`)))
      return () => wss.close()
    },
    talk: (port) => echo(`ws://127.0.0.1:${port}/theirs`, 'ws hello'),
    unknown: 'open',
  },
  {
    name: 'ws {server, path}',
    install(server) {
      const wss = new WebSocketServer({ server, path: '/theirs' })
      wss.on('connection', (ws) => ws.on('message', (data) => ws.send(`ws ${String(data)}`)))
      return () => wss.close()
    },
    talk: (port) => echo(`ws://127.0.0.1:${port}/theirs`, 'ws hello'),
    unknown: 400,
  },
  {
    name: 'socket.io',
    install(server) {
      const sockets = new SocketIo(server)
      sockets.on('connection', (socket) => {
        socket.on('say', (text: string, answer: (text: string) => void) => answer(`socket.io ${text}`))
      })
      return () => {
        // Its own close would close the HTTP server as well.
        sockets.disconnectSockets(true)
        sockets.engine.close()
      }
    },
    async talk(port) {
      const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false, forceNew: true })
      try {
        expect(await socket.timeout(3_000).emitWithAck('say', 'hello')).toBe('socket.io hello')
      } finally {
        socket.close()
      }
    },
    unknown: 'hangs',
  },
  {
    name: '@fastify/websocket',
    async install(server) {
      const app = Fastify({
        serverFactory(handler) {
          server.on('request', handler)
          return server
        },
        forceCloseConnections: true,
      })
      await app.register(fastifyWebsocket)
      app.register(async (routes) => {
        // The plugin's additions to fastify's types do not resolve where dependencies are kept apart.
        const options: object = { websocket: true }
        const serve = (ws: WebSocket) => ws.on('message', (data: Buffer) => ws.send(`fastify ${String(data)}`))
        routes.get('/theirs', options, serve as never)
      })
      await app.ready()
      return () => app.close()
    },
    talk: (port) => echo(`ws://127.0.0.1:${port}/theirs`, 'fastify hello'),
    unknown: 404,
  },
  {
    name: 'Hono',
    install(server) {
      const app = new Hono()
      app.get(
        '/theirs',
        upgradeWebSocket(() => ({ onMessage: (event, ws) => ws.send(`hono ${String(event.data)}`) })),
      )
      const wss = new WebSocketServer({ noServer: true })
      createAdaptorServer({
        fetch: app.fetch,
        // Its type leaves no room for an undefined noServer, which the types of ws have.
        websocket: { server: wss as WebSocketServerLike },
        // The adapter creates its server through this; ours stands already, and takes its listener.
        createServer: ((_options: unknown, listener: () => void) =>
          server.on('request', listener)) as typeof createServer,
      })
      return () => wss.close()
    },
    talk: (port) => echo(`ws://127.0.0.1:${port}/theirs`, 'hono hello'),
    unknown: 404,
  },
  {
    name: 'PeerJS',
    install(server) {
      const app = express()
      let sockets: WebSocketServer | undefined
      const peers = ExpressPeerServer(server, {
        path: '/peers',
        createWebSocketServer(options) {
          sockets = new WebSocketServer(options)
          return sockets
        },
      })
      app.use(peers)
      server.on('request', app)
      return () => sockets?.close()
    },
    async talk(port) {
      const [alice, bob] = await Promise.all([peerJs(port), peerJs(port)])
      alice.ws.send(JSON.stringify({ type: 'OFFER', dst: bob.id, payload: 'hello' }))
      const [data] = await once(bob.ws, 'message', { signal: AbortSignal.timeout(3_000) })
      expect(JSON.parse(String(data))).toMatchObject({ type: 'OFFER', src: alice.id, payload: 'hello' })
      alice.ws.terminate()
      bob.ws.terminate()
    },
    unknown: 400,
  },
]

async function peerJs(port: number): Promise<{ id: string; ws: WebSocket }> {
  const id = randomUUID()
  const ws = new WebSocket(`ws://127.0.0.1:${port}/peers/peerjs?key=peerjs&id=${id}&token=${randomUUID()}`)
  const [data] = await once(ws, 'message', { signal: AbortSignal.timeout(3_000) })
  expect(JSON.parse(String(data))).toEqual({ type: 'OPEN' })
  return { id, ws }
}

async function echo(url: string, answer: string): Promise<void> {
  const ws = new WebSocket(url)
  try {
    await once(ws, 'open', { signal: AbortSignal.timeout(3_000) })
    ws.send('hello')
    const [data] = await once(ws, 'message', { signal: AbortSignal.timeout(3_000) })
    expect(String(data)).toBe(answer)
    // Somebody who gets a socket that is not theirs often breaks it a moment later.
    ws.send('hello')
    const [again] = await once(ws, 'message', { signal: AbortSignal.timeout(3_000) })
    expect(String(again)).toBe(answer)
  } finally {
    ws.terminate()
  }
}

async function knock(port: number, path: string): Promise<number | 'open' | 'hangs'> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { handshakeTimeout: 400 })
  return new Promise((resolve) => {
    ws.on('open', () => {
      resolve('open')
      ws.terminate()
    })
    ws.on('unexpected-response', (request, response) => {
      resolve(response.statusCode ?? 0)
      request.destroy()
    })
    ws.on('error', () => resolve('hangs'))
  })
}

let server: Server
let port: number

beforeEach(async () => {
  server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterEach(async () => {
  server.closeAllConnections()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
})

const endpoint = createUpgrade({
  path: '/mesh/ws',
  maxPayload: 98_304,
  allowOrigin: () => true,
  admit: () => 'ok',
  onConnection: (ws) => ws.on('message', (data) => ws.send(`mesh ${String(data)}`)),
})
const ours = () => echo(`ws://127.0.0.1:${port}/mesh/ws`, 'mesh hello')
const mount = () => attach(server, { path: '/mesh/ws', upgrade: endpoint })

describe.each(neighbours)('attach beside $name', ({ install, talk, unknown }) => {
  it.each(['before', 'after'])('works when the neighbour comes %s us', async (when) => {
    const early = when === 'before' ? await install(server) : undefined
    const detach = mount()
    const close = early ?? (await install(server))

    await Promise.all([ours(), talk(port)])
    await ours()
    await talk(port)
    expect(await knock(port, '/nobody')).toBe(unknown)
    await Promise.all([ours(), talk(port)])

    detach()
    await talk(port)
    expect(await knock(port, '/mesh/ws')).toBe(unknown)
    expect(Object.hasOwn(server, 'emit')).toBe(false)
    await close()
  })
})

describe('attach alone', () => {
  it('answers 404 where nobody else listens, again and again', async () => {
    const detach = mount()
    expect(await knock(port, '/nobody')).toBe(404)
    await ours()
    expect(await knock(port, '/nobody')).toBe(404)
    await ours()
    detach()
    expect(
      server.eventNames().filter((name) => ['upgrade', 'newListener', 'removeListener'].includes(String(name))),
    ).toEqual([])
  })
})
