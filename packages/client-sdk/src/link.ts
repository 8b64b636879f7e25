import { MeshError, closeCodes, subprotocol } from '@mesh/core/errors'
import type { ErrorCode, ErrorDetails } from '@mesh/core/errors'
import type { ClientPayload, Envelope, ServerPayload } from '@mesh/core/protocol'
import { closeError } from './close-error.ts'
import { deferred } from './deferred.ts'
import type { WaitOptions } from './deferred.ts'

/** What the client needs of a WebSocket; the standard one and that of `ws` both fit. */
export interface WebSocketLike {
  send(data: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
}

/** The constructor of a {@link WebSocketLike}. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike

/** A frame from the server: an event, or an error with its code and message at the top. */
export interface Incoming extends Envelope {
  code?: ErrorCode
  message?: string
}

/** One authenticated connection, from its welcome to its end. */
export interface Link {
  readonly welcome: Envelope<'system.welcome', ServerPayload<'system.welcome'>>
  /** Sends an event and returns its id. */
  send(type: string, to: string, payload: object, more?: { id?: string | undefined; reply_to?: string }): string
  /**
   * Ends it, and with `leave` the session as well: nobody comes back. `closed` of the handlers is not called any more.
   * Resolves when the other end knows, within a second.
   */
  close(leave?: boolean): Promise<void>
}

/** How to open a {@link Link}, and who gets what comes through it. */
export interface LinkOptions extends WaitOptions {
  url: string
  WebSocket: WebSocketConstructor
  hello: ClientPayload<'system.hello'>
  /** Every frame after the welcome, in order. Pings have been answered. */
  frame(frame: Incoming): void
  /** The connection is over, and it was not us who ended it. */
  closed(error: MeshError, code: number): void
  /** How long beyond `heartbeat_s` the server may be silent before the connection counts as dead, in milliseconds. */
  graceMs?: number
}

/**
 * Opens a connection and says hello.
 * @throws MeshError the server's own where it refused, UNAVAILABLE where it could not be reached in time.
 */
export function openLink(options: LinkOptions): Promise<Link> {
  // First of all, because it may throw.
  const socket = new options.WebSocket(options.url, [subprotocol])
  const welcomed = deferred<Link>('system.hello', options)
  const gone = deferred<void>('close')
  const grace = options.graceMs ?? 10_000
  const inbox = createInbox(take)
  let over = false
  let link: Link | undefined
  let explained: MeshError | undefined
  let heardAt = performance.now()
  let heartbeat: ReturnType<typeof setTimeout> | undefined

  socket.addEventListener('open', () => over || void send('system.hello', 'server', options.hello))
  socket.addEventListener('message', (event) => {
    if (over || typeof event.data !== 'string') return
    heardAt = performance.now()
    const frame = parse(event.data)
    // What cannot be read cannot be skipped either: the events would have a gap that nobody knows of.
    if (frame) inbox.add(frame)
    else lose(closeError(closeCodes.resync, 'malformed'), closeCodes.resync)
  })
  // A close follows every error, and says more.
  socket.addEventListener('error', () => undefined)
  socket.addEventListener('close', (event) => {
    inbox.flush()
    gone.resolve()
    lose(closeError(event.code, event.reason, explained), event.code)
  })
  // Timed out or called off: an open socket must not stay behind.
  welcomed.promise.catch(() => end())
  return welcomed.promise

  function send(
    type: string,
    to: string,
    payload: object,
    more: { id?: string | undefined; reply_to?: string } = {},
  ): string {
    const id = more.id ?? crypto.randomUUID()
    socket.send(JSON.stringify({ type, id, timestamp: new Date().toISOString(), to, reply_to: more.reply_to, payload }))
    return id
  }

  function take(frame: Incoming): void {
    if (over) return
    if (link) {
      if (frame.type === 'system.ping') send('system.pong', 'server', {}, { reply_to: frame.id })
      options.frame(frame)
    } else if (frame.type === 'error') {
      explained = errorOf(frame)
    } else if (frame.type === 'system.welcome') {
      // The contract says what a welcome carries.
      const welcome = frame as Link['welcome']
      link = { welcome, send, close }
      keepAlive(welcome.payload.heartbeat_s * 1000)
      welcomed.resolve(link)
    }
  }

  /** One timer for the whole life of the link: frames only note their time, however many there are. */
  function keepAlive(period: number): void {
    let asked = false
    const check = (): void => {
      const silent = performance.now() - heardAt
      if (silent >= period + grace) return lose(closeError(closeCodes.no_pong, 'no_pong'), closeCodes.no_pong)
      if (silent < period) asked = false
      else if (!asked) {
        asked = true
        send('system.ping', 'server', {})
      }
      heartbeat = setTimeout(check, (asked ? period + grace : period) - silent)
    }
    heartbeat = setTimeout(check, period)
  }

  function lose(error: MeshError, code: number): void {
    if (over) return
    end()
    if (link) options.closed(error, code)
    else welcomed.reject(error)
  }

  function end(leave = false): void {
    over = true
    clearTimeout(heartbeat)
    // Without a code the session waits for us: a browser takes only 1000 and 3000 to 4999.
    if (leave) socket.close(1000, 'leave')
    else socket.close()
  }

  function close(leave?: boolean): Promise<void> {
    end(leave)
    const patience = deferred<void>('close', { timeoutMs: 1000 })
    void gone.promise.then(patience.resolve)
    return patience.promise.catch(() => undefined)
  }
}

/** A frame; undefined where the text is none. Beyond its type it is trusted, as the server itself is. */
function parse(text: string): Incoming | undefined {
  try {
    const frame = JSON.parse(text) as Incoming | null
    return typeof frame?.type === 'string' ? frame : undefined
  } catch {
    return undefined
  }
}

/** The error that an error frame stands for. */
export function errorOf({ code = 'INTERNAL', message, payload }: Incoming): MeshError {
  // The contract says what the payload of an error may carry.
  return new MeshError(code, message, payload as ErrorDetails)
}

/**
 * Hands frames on in order, but none that follows a reply before whoever awaited that reply has run: with some sockets
 * the frames of one TCP segment come without a pause, and an event right behind `room.joined` would find nobody
 * listening. Microtasks and not a timer, because browsers slow timers down in the background.
 */
function createInbox(take: (frame: Incoming) => void): { add(frame: Incoming): void; flush(): void } {
  const frames: Incoming[] = []
  let held = false
  const drain = (): void => {
    for (let frame; !held && (frame = frames.shift());) {
      take(frame)
      if (frame.reply_to !== undefined) void hold()
    }
  }
  const hold = async (): Promise<void> => {
    held = true
    // Each `await` or `async` between us and the caller costs a few ticks.
    for (let tick = 0; tick < 20; tick++) await undefined
    held = false
    drain()
  }
  return {
    add(frame) {
      frames.push(frame)
      drain()
    },
    flush() {
      for (const frame of frames.splice(0)) take(frame)
    },
  }
}
