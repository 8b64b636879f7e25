import { MeshError, closeCodes, isMeshError } from '@mesh/core/errors'
import type { ServerPayload } from '@mesh/core/protocol'
import { createConnection } from './connection.ts'
import type { ConnectionOptions } from './connection.ts'
import { deferred } from './deferred.ts'
import { createEmitter, report } from './emitter.ts'
import { errorOf } from './frame.ts'
import type { Incoming } from './frame.ts'
import type { LinkOptions } from './link.ts'
import { createRequests } from './requests.ts'
import { createRoom } from './room.ts'
import type { RoomHandle } from './room.ts'
import { createSession } from './session.ts'
import type { SessionHello } from './session.ts'
import type { Me, Mesh, MeshEvents, Reply, TokenReason } from './types.ts'

/** What a mesh is made of. */
export interface MeshOptions extends Pick<ConnectionOptions, 'reconnect' | 'timeoutMs'> {
  /** Opens a link. */
  open(
    reason: TokenReason,
    hello: SessionHello,
    handlers: Omit<LinkOptions, 'url' | 'WebSocket' | 'hello'>,
  ): Promise<void>
  /** Brings another token, where the application can. */
  renew?: ((reason: TokenReason) => string | Promise<string>) | undefined
  /** Whether the browser says who this is, by cookie: to say it again, it has to connect again. */
  isKnownByCookie: boolean
}

/** Puts requests, events and rooms on a connection; `start` brings it up. */
export function createMesh(options: MeshOptions): { mesh: Mesh; start(signal?: AbortSignal): Promise<void> } {
  const { renew, isKnownByCookie } = options
  const requests = createRequests()
  const session = createSession(() => requests.abandon(interrupted()))
  const rooms = new Map<string, RoomHandle>()
  const events = createEmitter<MeshEvents>(fault)
  let me: Me = { peer_id: '', user_id: '' }
  let accessToken: string | undefined
  let faulty = false

  const connection = createConnection({
    ...options,
    open: (reason, handlers) => options.open(reason, session.hello(), handlers),
    canRenew: renew !== undefined || isKnownByCookie,
    frame,
    idle: () => void session.send('system.ping', 'server', {}),
    up(link) {
      const { peer_id, user_id, device_id, resumed } = link.welcome.payload
      session.open(link)
      accessToken = exchangedOf(link.welcome.payload)
      if (!resumed) me = { peer_id, user_id, ...(device_id !== undefined && { device_id }) }
      // A resumed session still is in its rooms, and what was missed comes by itself.
      if (resumed) requests.goOn()
      else beginAnew()
      events.emit('system.welcome', link.welcome.payload, link.welcome)
    },
    down(error, code, forGood) {
      session.lost(forGood || code === closeCodes.resync)
      if (session.isOpen) requests.pause()
      else requests.abandon(interrupted(error.message))
    },
    state(state, reason) {
      events.emit('state', state, reason)
      if (state === 'closed') for (const room of rooms.values()) room.end('disconnected')
    },
    error: fault,
  })

  const mesh: Mesh = {
    get state() {
      return connection.state
    },
    get me() {
      return me
    },
    get accessToken() {
      return accessToken
    },
    async request(type, payload, { to = 'server', id: wanted, timeoutMs, signal } = {}) {
      signal?.throwIfAborted()
      const id = post(type, to, payload, wanted)
      const patienceMs = timeoutMs === undefined ? options.timeoutMs : undefined
      const answer = deferred<Reply<typeof type>>(type, { timeoutMs, signal })
      try {
        return await requests.wait({ id, type, to, payload, patienceMs }, answer, session.isUp)
      } catch (error) {
        session.withdraw(id)
        throw error
      }
    },
    async send(type, payload, { to, confirmMs }) {
      const id = post(type, to, payload)
      if (confirmMs === undefined) return
      const silence = requests.wait(
        { id, type, to, payload, patienceMs: confirmMs },
        deferred<void>(type),
        session.isUp,
      )
      await silence.catch((error: unknown) => {
        if (!isMeshError(error) || error.details.reason !== 'timeout') throw error
      })
    },
    async join(room_id, wait = {}) {
      const room =
        rooms.get(room_id) ?? createRoom({ mesh, room_id, onFault: fault, forget: () => rooms.delete(room_id) })
      rooms.set(room_id, room)
      await room.enter(wait)
      return room.room
    },
    on: events.on,
    async once(type, wait = {}) {
      if (connection.state === 'closed') throw closed()
      const first = deferred<MeshEvents[typeof type][0]>(type, wait)
      const offs = [
        events.on(type, (...args) => first.resolve(args[0])),
        events.on('state', (state) => state === 'closed' && first.reject(closed())),
      ]
      try {
        return await first.promise
      } finally {
        for (const off of offs) off()
      }
    },
    close: connection.close,
    [Symbol.asyncDispose]: connection.close,
  }
  return { mesh, start: connection.start }

  function post(type: string, to: string, payload: object, id?: string): string {
    if (!session.isOpen) throw offline(connection.state)
    return session.send(type, to, payload, { id })
  }

  function beginAnew(): void {
    // Of what the former session was asked only chat may be asked again: its ids hold for ever, and act once.
    const chats = requests.abandon(interrupted(), ({ type }) => type === 'chat.message.send')
    for (const room of rooms.values()) void room.reenter()
    for (const { id, type, to, payload } of chats) session.send(type, to, payload, { id })
  }

  function frame(frame: Incoming): void {
    session.took(frame)
    const waiting = requests.answeredBy(frame.reply_to)
    if (frame.type === 'error') {
      if (waiting) waiting.answer.reject(errorOf(frame))
      else fault(errorOf(frame))
      return
    }
    // What a room is told names the room; the sender's own copy is addressed to the sender.
    const envelope = waiting?.to.startsWith('room_') ? { ...frame, to: waiting.to } : frame
    rooms.get(roomOf(envelope))?.take(envelope)
    // Names without a dot are our own events and not the server's to raise. The table says what each payload is.
    if (frame.type.includes('.')) events.emit(frame.type as keyof MeshEvents, ...([frame.payload, envelope] as never))
    waiting?.answer.resolve(frame.payload as never)
    if (frame.type === 'system.token.refreshed') accessToken = exchangedOf(frame.payload) ?? accessToken
    if (frame.type === 'system.token.expiring') {
      if (renew) void renewToken(renew)
      // The session goes on over the new connection, for which the host application is asked anew.
      else if (isKnownByCookie) connection.drain(0)
    }
    if (frame.type === 'system.draining') {
      connection.drain((frame.payload as ServerPayload<'system.draining'>).reconnect_after_ms)
    }
  }

  async function renewToken(source: NonNullable<typeof renew>): Promise<void> {
    try {
      const token = await source('refresh')
      if (connection.state === 'online') await mesh.request('system.token.refresh', { token })
    } catch (error) {
      fault(error)
    }
  }

  /** An error that no promise takes: to those who listen for errors, and otherwise where the platform shows such things. */
  function fault(error: unknown): void {
    if (faulty) return report(error)
    faulty = true
    // The server's word about a signal is no fault of the program's: unheard, it stays unheard.
    if (!events.emit('error', error) && !isMeshError(error)) report(error)
    faulty = false
  }
}

/** The access token that came in exchange for what the host application knows. The contract says where it stands. */
function exchangedOf(payload: unknown): string | undefined {
  return (payload as { access_token?: string }).access_token
}

function roomOf({ to, payload }: Incoming): string {
  return typeof payload === 'object' && payload && 'room_id' in payload ? String(payload.room_id) : to
}

function offline(state: Mesh['state']): MeshError {
  const is = state === 'closed' ? 'closed' : 'not up'
  return new MeshError('UNAVAILABLE', `The connection is ${is}`, { reason: 'offline', retryable: true })
}

function interrupted(message = 'The session was lost'): MeshError {
  return new MeshError('UNAVAILABLE', message, { reason: 'connection_lost', retryable: true })
}

function closed(): MeshError {
  return new MeshError('UNAVAILABLE', 'The connection is closed', { reason: 'closed', retryable: false })
}
