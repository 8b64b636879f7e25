import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import {
  closeCodes,
  type Connection,
  type ConnectionRequest,
  type Mesh,
  type MeshSocket,
  type OutboundFrame,
} from '@mesh/core'
import { WebSocket } from 'ws'
import { TextFrame } from './text-frame.ts'

/** How long a client that does not read has for the closing handshake, in milliseconds. */
const unresponsiveMs = 1_000

/** Opens the engine's door to a WebSocket of ws: all that is needed to be a transport. */
export type AcceptSocket = (ws: WebSocket, request: IncomingMessage) => void

/** From so many sockets on, it pays to wait for what else is there to be read before writing to them. */
const fanOut = 8

/** Makes the transport of an engine. `addressOf` says where a request comes from. What is sent while one thing is being handled goes out together at its end. */
export function createTransport(engine: Mesh, addressOf: (request: IncomingMessage) => string): AcceptSocket {
  let written: WsSocket[] = []
  const flush = () => {
    const sockets = written
    written = []
    for (const socket of sockets) socket.flush()
  }
  // A microtask comes when all frames of one read have been handled. setImmediate comes when everything has been read that
  // was there to be read: to a whole room that makes one write each of what many said, but for a few sockets it costs as
  // much as a small frame.
  const now = Promise.resolve()
  const settle = () => {
    if (written.length < fanOut) flush()
    else setImmediate(flush)
  }
  const onWrite = (socket: WsSocket) => {
    if (written.push(socket) === 1) void now.then(settle)
  }
  return (ws, request) => {
    const socket = new WsSocket(ws, request.socket, onWrite)
    const own: Owned = ws
    own[transport] = socket
    socket.connection = engine.accept(socket, describe(request, addressOf(request)))
    ws.on('message', onMessage)
    ws.on('close', onClose)
  }
}

// The listeners are the same functions for every connection and find theirs on the socket that ws calls them on: of ten
// thousand idle connections each closure would be kept ten thousand times.
const transport = Symbol('transport')
type Owned = WebSocket & { [transport]?: WsSocket }

function onMessage(this: Owned, data: Buffer, isBinary: boolean): void {
  const connection = this[transport]?.connection
  if (isBinary) connection?.binary()
  else connection?.message(data.toString(), data.length)
}

function onClose(this: Owned, code: number, reason: Buffer): void {
  this[transport]?.connection?.closed(code, String(reason))
}

/**
 * A WebSocket of ws as the engine sees it. Frames are written to the stream below ws, whole and already framed: that is
 * once for all receivers of an event, and one write for all frames of a turn. ws itself writes whole frames at once as
 * well, since nothing is compressed, so the two never mix within a frame.
 */
class WsSocket implements MeshSocket {
  connection: Connection | undefined
  readonly #ws: WebSocket
  readonly #stream: Socket
  readonly #onWrite: (socket: WsSocket) => void
  #pending = ''

  constructor(ws: WebSocket, stream: Socket, onWrite: (socket: WsSocket) => void) {
    this.#ws = ws
    this.#stream = stream
    this.#onWrite = onWrite
  }

  get received(): number {
    return this.#stream.bytesRead
  }

  get bufferedAmount(): number {
    return this.#pending.length + this.#stream.writableLength
  }

  send(frame: OutboundFrame): void {
    if (this.#pending === '') this.#onWrite(this)
    this.#pending += frame.encoded(TextFrame).wire
  }

  flush(): void {
    const pending = this.#pending
    if (pending === '') return
    this.#pending = ''
    if (this.#ws.readyState !== WebSocket.OPEN) return
    const isTaken = this.#stream.write(pending, 'latin1')
    if (isTaken) this.connection?.drained()
    else this.#stream.once('drain', () => this.connection?.drained())
  }

  close(code: number, reason: string): void {
    this.flush()
    this.#ws.close(code, reason)
    // Whoever does not read would not read the close frame either.
    const gone = code === closeCodes.slow_consumer || code === closeCodes.no_pong
    if (gone) setTimeout(() => this.#ws.terminate(), unresponsiveMs).unref()
  }

  ping(): void {
    this.#ws.ping()
  }
}

/** What the engine and a host's hook may know of an upgrade request. */
export function describe(request: IncomingMessage, address: string): ConnectionRequest {
  let headers: Headers | undefined
  return {
    url: request.url ?? '/',
    address,
    // Made when they are asked for: whoever never says hello is not worth it.
    get headers() {
      return (headers ??= headersOf(request))
    },
  }
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  return headers
}
