import type { IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { MeshError, httpStatusOf } from '@mesh/core/errors'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'

/** The one subprotocol there is; a client may offer it, and no other is ever echoed. */
export const subprotocol = 'mesh.v1'

/** Every bound a socket has before the engine sees a frame, in one place. */
export const socketLimits = {
  /** Options of ws. */
  ws: {
    /** Fragments of one message; beyond it the socket closes with 1008. */
    maxFragments: 64,
    /** Chunks of raw data held back for one unfinished frame; beyond it the socket closes with 1008. */
    maxBufferedChunks: 512,
    /** Milliseconds a peer has for its half of the closing handshake. */
    closeTimeout: 5_000,
    /** No compression: it costs memory on every connection, and a small frame could unpack to a huge one. */
    perMessageDeflate: false,
  },
  /** Milliseconds a refused client has to read the answer and hang up. */
  refusalTimeout: 2_000,
  /** Seconds in `Retry-After` of 429 and 503. */
  retryAfter: 1,
} as const

/** Takes one upgrade request, or returns false without having touched it: then it is somebody else's. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean

/** What `createUpgrade` needs to know. */
export interface UpgradeOptions {
  /** The endpoint's path, compared exactly; the query is not part of it. */
  path: string
  /** Bytes of the largest message; beyond it the socket closes with 1009. */
  maxPayload: number
  /** Whether a page of this `Origin` may connect. Asked only when the header was sent; see `createOriginCheck`. */
  allowOrigin(origin: string, request: IncomingMessage): boolean
  /** Asked last, before the handshake: 429 for `too_many`, 503 for `unavailable`. */
  admit(request: IncomingMessage): 'ok' | 'too_many' | 'unavailable'
  /** Gets the open socket, synchronously: no frame has been read yet. */
  onConnection(ws: WebSocket, request: IncomingMessage): void
}

/** The path of a request target as the client wrote it, without the query. */
export function requestPath(request: IncomingMessage): string {
  return splitTarget(request)[0]
}

/**
 * Answers an upgrade request with the error as a small complete HTTP response, then ends the socket; whatever the client
 * still sends is thrown away, and a client that does not hang up is cut off.
 */
export function refuseUpgrade(socket: Duplex, error: MeshError, headers: Record<string, string | number> = {}): void {
  const status = httpStatusOf(error.code)
  const payload = { ...error.details, retryable: error.retryable }
  const body = JSON.stringify({ type: 'error', code: error.code, message: error.message, payload })
  const fields = {
    Connection: 'close',
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  // Destroying a socket with unread input resets the connection, and the reset can overtake the answer: read it away.
  socket.resume()
  const cut = setTimeout(() => socket.destroy(), socketLimits.refusalTimeout).unref()
  socket.once('close', () => clearTimeout(cut))
}

const ignore = () => {}

/** Keeps a socket that nobody else listens to from ending the process; what failed is seen as `close`. */
export function ignoreErrors(emitter: { on(event: 'error', listener: () => void): unknown }): void {
  emitter.on('error', ignore)
}

/** The WebSocket endpoint: judges an upgrade request, answers 400, 403, 429 or 503, or opens the socket (RFC 6455 §4.2). */
export function createUpgrade(options: UpgradeOptions): UpgradeHandler {
  const server = new WebSocketServer({
    ...socketLimits.ws,
    maxPayload: options.maxPayload,
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  })
  // With a listener here ws leaves the answer to us; its own knows 405 and 426, which the contract does not.
  server.on('wsClientError', (error, socket) => refuseUpgrade(socket, new MeshError('BAD_MESSAGE', error.message)))

  return (request, socket, head) => {
    const [path, query] = splitTarget(request)
    if (path !== options.path) return false
    ignoreErrors(socket)
    if (request.headers['sec-websocket-version'] !== '13') {
      const error = new MeshError('BAD_MESSAGE', 'Sec-WebSocket-Version must be 13')
      refuseUpgrade(socket, error, { 'Sec-WebSocket-Version': 13 })
      return true
    }
    if (carriesToken(query)) {
      refuseUpgrade(socket, new MeshError('BAD_MESSAGE', 'A token must not travel in a URL: send it in system.hello'))
      return true
    }
    const { origin } = request.headers
    if (origin !== undefined && !options.allowOrigin(origin, request)) {
      refuseUpgrade(socket, new MeshError('ACCESS_DENIED', 'This origin may not connect'))
      return true
    }
    const admitted = options.admit(request)
    if (admitted !== 'ok') {
      const error =
        admitted === 'too_many' ? new MeshError('RATE_LIMITED', 'Too many connections') : new MeshError('UNAVAILABLE')
      refuseUpgrade(socket, error, { 'Retry-After': socketLimits.retryAfter })
      return true
    }
    server.handleUpgrade(request, socket, head, (ws) => {
      // From here on ws listens on the stream.
      socket.off('error', ignore)
      ignoreErrors(ws)
      options.onConnection(ws, request)
    })
    return true
  }
}

function splitTarget(request: IncomingMessage): [path: string, query: string] {
  const target = request.url ?? '/'
  const mark = target.indexOf('?')
  return mark === -1 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

const tokenNames = new Set(['token', 'access_token', 'jwt'])

function carriesToken(query: string): boolean {
  for (const name of new URLSearchParams(query).keys()) if (tokenNames.has(name.toLowerCase())) return true
  return false
}
