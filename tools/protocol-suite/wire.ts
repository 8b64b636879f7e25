import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { WebSocket, type ClientOptions } from 'ws'
import type { Budget } from './budget.ts'

/** A frame as it stands on the wire. */
export interface Frame {
  readonly type: string
  readonly id: string
  readonly timestamp: string
  readonly from: string
  readonly to: string
  readonly reply_to?: string
  readonly code?: string
  readonly message?: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** Which frame is meant: one of a type, or one that fits. */
export type Fits = string | ((frame: Frame) => boolean)

/** A client that knows WebSocket and JSON and nothing else. */
export interface Wire {
  readonly socket: WebSocket
  /** Everything that came, in order. */
  readonly frames: readonly Frame[]
  /** The welcome. @throws before it came */
  readonly welcome: Frame
  readonly peer_id: string
  /** Resolves when the connection is over, by whomever. */
  readonly closed: Promise<{ code: number; reason: string }>
  /** Sends an event and returns its id; `overrides` are fields of the envelope. */
  send(type: string, to: string, payload: object, overrides?: object): string
  /** Sends a text as it is. */
  raw(text: string): void
  /** Sends an event and waits for what answers it. */
  ask(type: string, to: string, payload: object, overrides?: object): Promise<Frame>
  /** The next frame that fits and was not taken before. @throws Error when it does not come in time */
  next(fits: Fits, withinMs?: number): Promise<Frame>
  /** The frames so far that fit. */
  all(fits: Fits): Frame[]
  /** What was wrong with frames of the server, whatever the case was about. */
  readonly faults: readonly string[]
}

/** How long an answer may take, in milliseconds; generous, since machines are shared. */
const patience = 8_000

/** Opens a connection. @throws Error with the HTTP status when the upgrade is refused */
export function open(
  url: string,
  options: ClientOptions & { protocols?: string[]; budget?: Budget | undefined } = {},
): Promise<Wire> {
  const { protocols = ['mesh.v1'], budget, ...rest } = options
  const socket = new WebSocket(url, protocols, rest)
  const frames: Frame[] = []
  const faults: string[] = []
  const taken = new Set<Frame>()
  const waiting = new Set<() => void>()
  let over: { code: number; reason: string } | undefined
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => {
      over = { code, reason: reason.toString() }
      resolve(over)
      for (const look of waiting) look()
    }),
  )
  socket.on('message', (data, isBinary) => {
    try {
      assert.equal(isBinary, false, 'frames are text')
      const frame = JSON.parse(String(data)) as Frame
      frames.push(frame)
      requireEnvelope(frame)
    } catch (error) {
      faults.push(`${error instanceof Error ? error.message : String(error)}: ${String(data).slice(0, 200)}`)
    }
    for (const look of waiting) look()
  })

  const wire: Wire = {
    socket,
    frames,
    faults,
    closed,
    get welcome() {
      const welcome = frames.find(({ type }) => type === 'system.welcome')
      assert.ok(welcome, `a welcome, but got ${describeFrame(frames.at(-1))}`)
      return welcome
    },
    get peer_id() {
      return String(wire.welcome.payload.peer_id)
    },
    send(type, to, payload, overrides = {}) {
      budget?.spend(type)
      const frame = { type, id: randomUUID(), timestamp: new Date().toISOString(), to, payload, ...overrides }
      socket.send(JSON.stringify(frame))
      return frame.id
    },
    raw(text) {
      budget?.spend('raw')
      socket.send(text)
    },
    ask(type, to, payload, overrides) {
      const id = wire.send(type, to, payload, overrides)
      return wire.next((frame) => frame.reply_to === id)
    },
    next(fits, withinMs = patience) {
      const wanted = matcher(fits)
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => stop(new Error(missing(fits, frames))), withinMs)
        const stop = (result: Frame | Error) => {
          clearTimeout(late)
          waiting.delete(look)
          if (result instanceof Error) return reject(result)
          taken.add(result)
          resolve(result)
        }
        const look = () => {
          const found = frames.find((frame) => !taken.has(frame) && wanted(frame))
          if (found) stop(found)
          else if (over) stop(new Error(`closed with ${over.code} while waiting; ${missing(fits, frames)}`))
        }
        waiting.add(look)
        look()
      })
    },
    all: (fits) => frames.filter(matcher(fits)),
  }
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(wire))
    socket.on('error', reject)
  })
}

function matcher(fits: Fits): (frame: Frame) => boolean {
  return typeof fits === 'string' ? (frame) => frame.type === fits : fits
}

function missing(fits: Fits, frames: readonly Frame[]): string {
  const wanted = typeof fits === 'string' ? fits : 'the frame waited for'
  return `${wanted} did not come; the last were ${frames.slice(-3).map(describeFrame).join(', ') || 'none'}`
}

/** A frame in a few words, for messages. */
export function describeFrame(frame: Frame | undefined): string {
  if (!frame) return 'nothing'
  return frame.type === 'error' ? `error ${frame.code} ${JSON.stringify(frame.payload)}` : frame.type
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What §2 and §3 say of every frame that a server sends. @throws AssertionError */
function requireEnvelope(frame: Frame): void {
  assert.match(frame.id, uuid, 'id is a UUID')
  assert.ok(!Number.isNaN(Date.parse(frame.timestamp)), 'timestamp is an instant')
  assert.match(frame.from, /^(server|peer_[A-Za-z0-9_-]{22,})$/, 'from is a peer or the server')
  assert.equal(typeof frame.to, 'string', 'to is there')
  assert.equal(typeof frame.payload, 'object', 'payload is an object')
  if (frame.reply_to !== undefined) assert.match(frame.reply_to, uuid, 'reply_to is a UUID')
  assert.ok(!('cap_token' in frame.payload), 'a capability token is for the server alone')
  if (frame.type !== 'error') return
  assert.equal(frame.from, 'server', 'errors come from the server')
  assert.match(String(frame.code), /^[A-Z][A-Z0-9_]+$/, 'an error has a code')
  assert.equal(typeof frame.message, 'string', 'an error has a message')
  assert.equal(typeof frame.payload.retryable, 'boolean', 'an error says whether it is retryable')
}
