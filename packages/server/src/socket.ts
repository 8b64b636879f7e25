import type { IncomingMessage } from 'node:http'
import { closeCodes, type ConnectionRequest, type Mesh } from '@mesh/core'
import type { WebSocket } from 'ws'

/** How long a client that does not read has for the closing handshake, in milliseconds. */
const unresponsiveMs = 1_000

/** Opens the engine's door to a WebSocket of ws: all that is needed to be a transport. */
export function acceptSocket(engine: Mesh, ws: WebSocket, request: IncomingMessage): void {
  const connection = engine.accept(
    {
      send: (frame) => ws.send(frame),
      close(code, reason) {
        ws.close(code, reason)
        // Whoever does not read would not read the close frame either.
        const gone = code === closeCodes.slow_consumer || code === closeCodes.no_pong
        if (gone) setTimeout(() => ws.terminate(), unresponsiveMs).unref()
      },
      ping: () => ws.ping(),
      get bufferedAmount() {
        return ws.bufferedAmount
      },
    },
    describe(request),
  )
  ws.on('message', (data, isBinary) => {
    if (isBinary) return connection.binary()
    // With the default binaryType a message is one Buffer.
    const bytes = data as Buffer
    connection.message(bytes.toString('utf8'), bytes.length)
  })
  ws.on('pong', () => connection.alive())
  ws.on('close', () => connection.closed())
}

/** What the engine and a host's hook may know of an upgrade request. */
export function describe(request: IncomingMessage): ConnectionRequest {
  return {
    url: request.url ?? '/',
    address: request.socket.remoteAddress ?? '',
    headers: {
      get(name) {
        const value = request.headers[name.toLowerCase()]
        return Array.isArray(value) ? value.join(', ') : (value ?? null)
      },
    },
  }
}
