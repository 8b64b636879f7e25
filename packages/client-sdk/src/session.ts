import type { ClientPayload } from '@mesh/core/protocol'
import { encode } from './frame.ts'
import type { FrameOptions, Incoming } from './frame.ts'
import type { Link } from './link.ts'

/** What the hello of a session carries besides who this is. */
export interface SessionHello {
  id: string
  resume?: ClientPayload<'system.hello'>['resume']
}

/**
 * The client's half of a session, which outlives its sockets. Both ends count the frames that came in, so that after a
 * loss each sends the other exactly what is missing, in order and once.
 */
export interface Session {
  /** Whether there is a link. */
  readonly isUp: boolean
  /** Whether what is sent now gets there: at once, or as soon as the session goes on. */
  readonly isOpen: boolean
  /** What the next hello says. It stays the same until it is welcomed: one that comes again counts as the same. */
  hello(): SessionHello
  /** A link stands. The session goes on over it, or begins anew, as its welcome says. */
  open(link: Link): void
  /** The link is gone, and the session waits for another; for good, where it is not to be resumed. */
  lost(forGood: boolean): void
  /** Sends a frame, or keeps it until there is a link, and returns its id. Call it only while {@link isOpen}. */
  send(type: string, to: string, payload: object, options?: FrameOptions): string
  /** A frame that nobody waits for any more is not sent again. */
  withdraw(id: string): void
  /** Counts a frame that came in. */
  took(frame: Incoming): void
}

/** How many frames may wait for the other end's word that they came in, before this or the other end asks for it. */
const unconfirmed = 64
/** How long the server waits for a word about the last few frames it sent, in milliseconds. */
const ackMs = 5_000
/** How many frames are kept at most. */
const capacity = 1_024

/** Makes a session that waits for its first link. `expired` is called when it has waited for another one too long. */
export function createSession(expired: () => void): Session {
  let link: Link | undefined
  let helloId = crypto.randomUUID()
  let known: { session_id: string; token: string; window_s: number } | undefined
  let received = 0
  let acknowledged = 0
  /** What was sent and may not have come in, oldest first; what was withdrawn has no text any more, only its place. */
  let sent: { id: string; text: string | undefined }[] = []
  /** How many frames came before those. */
  let confirmed = 0
  let ackTimer: ReturnType<typeof setTimeout> | undefined
  let window: ReturnType<typeof setTimeout> | undefined

  return {
    get isUp() {
      return link !== undefined
    },
    get isOpen() {
      return (link !== undefined || window !== undefined) && sent.length < capacity
    },
    hello: () => ({
      id: helloId,
      ...(known && { resume: { session_id: known.session_id, token: known.token, received } }),
    }),
    open(next) {
      const { session_id, resumed, resume } = next.welcome.payload
      stopWaiting()
      link = next
      helloId = crypto.randomUUID()
      known = { session_id, token: resume.token, window_s: resume.window_s }
      const missing = resumed ? sent.slice(resume.received - confirmed) : []
      if (!resumed) received = 0
      acknowledged = received
      confirmed = resume.received
      sent = []
      for (const { id, text } of missing) if (text !== undefined) put(id, text)
    },
    lost(forGood) {
      link = undefined
      stopWaiting()
      clearTimeout(ackTimer)
      if (forGood) known = undefined
      else if (known?.window_s) {
        window = setTimeout(() => {
          stopWaiting()
          expired()
        }, known.window_s * 1000)
      }
    },
    send,
    withdraw(id) {
      for (const frame of sent) if (frame.id === id) frame.text = undefined
    },
    took({ type, id, reply_to }) {
      received++
      // The server takes frames in strictly in order: with the one that it answers all before it have come in.
      const at = reply_to === undefined ? -1 : sent.findIndex((frame) => frame.id === reply_to)
      confirmed += sent.splice(0, at + 1).length
      clearTimeout(ackTimer)
      if (received - acknowledged >= unconfirmed) acknowledge()
      else ackTimer = setTimeout(acknowledge, ackMs)
      if (type === 'system.ping') send('system.pong', 'server', {}, { reply_to: id })
    },
  }

  function send(type: string, to: string, payload: object, options?: FrameOptions): string {
    const { id, text } = encode(type, to, payload, options)
    put(id, text)
    return id
  }

  function put(id: string, text: string): void {
    sent.push({ id, text })
    if (!link) return
    link.send(text)
    // Signals are not answered, so an answer has to be asked for, or they would pile up.
    if (sent.length % unconfirmed === 0) send('system.ping', 'server', {})
  }

  function acknowledge(): void {
    acknowledged = received
    if (link) send('system.ack', 'server', { received })
  }

  function stopWaiting(): void {
    clearTimeout(window)
    window = undefined
  }
}
