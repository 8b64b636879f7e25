import { closeCodes, subprotocol } from '@mesh/core/errors'
import type { MeshError } from '@mesh/core/errors'
import type { ClientPayload, Envelope, ServerPayload } from '@mesh/core/protocol'
import { closeError } from './close-error.ts'
import { deferred } from './deferred.ts'
import { encode, errorOf, parse } from './frame.ts'
import type { Incoming } from './frame.ts'

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

/** One authenticated connection, from its welcome to its end. */
export interface Link {
  readonly welcome: Envelope<'system.welcome', ServerPayload<'system.welcome'>>
  /** Sends a frame; what is sent after the end goes nowhere. */
  send(text: string): void
  /**
   * Ends it, and with `leave` the session as well: nobody comes back. `closed` of the handlers is not called any more.
   * Resolves when the other end knows, within a second.
   */
  close(leave?: boolean): Promise<void>
}

/** How to open a {@link Link}, and who gets what comes through it. */
export interface LinkOptions {
  url: string
  WebSocket: WebSocketConstructor
  /** The first frame, and its id. */
  hello: { id: string; payload: ClientPayload<'system.hello'> }
  /** Calls it off until it is welcomed. */
  signal: AbortSignal
  /** The welcome is there; called before anything else of this link. */
  welcomed(link: Link): void
  /** Every frame after the welcome, in order. */
  frame(frame: Incoming): void
  /** The server has been silent for long: time to ask whether it is still there. */
  idle(): void
  /** The connection is over, and it was not us who ended it. */
  closed(error: MeshError, code: number): void
}

/**
 * Opens a connection and says hello. Resolves once it is welcomed.
 * @throws MeshError the server's own where it refused, UNAVAILABLE where it could not be reached.
 */
export function openLink(options: LinkOptions): Promise<void> {
  // First of all, because it may throw.
  const socket = new options.WebSocket(options.url, [subprotocol])
  const welcomed = deferred<void>('system.hello', { signal: options.signal })
  const gone = deferred<void>('close')
  const inbox = createInbox(take)
  let over = false
  let link: Link | undefined
  let explained: MeshError | undefined
  let heardAt = performance.now()
  let heartbeat: ReturnType<typeof setTimeout> | undefined

  socket.addEventListener('open', () => {
    const { id, payload } = options.hello
    if (!over) socket.send(encode('system.hello', 'server', payload, { id }).text)
  })
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
  // Refused or called off: an open socket must not stay behind.
  welcomed.promise.catch(() => end())
  return welcomed.promise

  function take(frame: Incoming): void {
    if (over) return
    if (link) options.frame(frame)
    else if (frame.type === 'error') {
      explained = errorOf(frame)
    } else if (frame.type === 'system.welcome') {
      // The contract says what a welcome carries.
      const welcome = frame as Link['welcome']
      link = { welcome, send: (text) => socket.send(text), close }
      // The server's own patience is good enough for this end; of its limits the contract promises no name.
      const { pong_timeout_s = 10 } = welcome.payload.limits as { pong_timeout_s?: number }
      keepAlive(welcome.payload.heartbeat_s * 1000, pong_timeout_s * 1000)
      options.welcomed(link)
      welcomed.resolve()
    }
  }

  /** One timer for the whole life of the link: frames only note their time, however many there are. */
  function keepAlive(period: number, grace: number): void {
    let asked = false
    const check = (): void => {
      const silent = performance.now() - heardAt
      if (silent >= period + grace) return lose(closeError(closeCodes.no_pong, 'no_pong'), closeCodes.no_pong)
      if (silent < period) asked = false
      else if (!asked) {
        asked = true
        options.idle()
      }
      heartbeat = setTimeout(check, (asked ? period + grace : period) - silent)
    }
    heartbeat = setTimeout(check, period)
  }

  function lose(error: MeshError, code: number): void {
    if (over) return
    // What comes after a frame that cannot be read would have a gap: nobody comes back to that.
    end(code === closeCodes.resync)
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

/**
 * Hands frames on in order, but none that follows a reply before whoever awaited that reply has run: with some sockets
 * the frames of one TCP segment come without a pause, and an event right behind `room.joined` would find nobody
 * listening. Microtasks and not a timer, because browsers slow timers down in the background.
 */
function createInbox(take: (frame: Incoming) => void): { add(frame: Incoming): void; flush(): void } {
  const frames: Incoming[] = []
  let isPaused = false
  const drain = (): void => {
    for (let frame; !isPaused && (frame = frames.shift());) {
      take(frame)
      if (frame.reply_to !== undefined) void hold()
    }
  }
  const hold = async (): Promise<void> => {
    isPaused = true
    // Each `await` or `async` between us and the caller costs a few ticks.
    for (let tick = 0; tick < 20; tick++) await undefined
    isPaused = false
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
