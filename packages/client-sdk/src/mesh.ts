import { MeshError, isMeshError } from '@mesh/core/errors'
import type { ServerPayload } from '@mesh/core/protocol'
import { createConnection } from './connection.ts'
import type { ConnectionOptions } from './connection.ts'
import { deferred } from './deferred.ts'
import type { Deferred } from './deferred.ts'
import { createEmitter, report } from './emitter.ts'
import { errorOf } from './link.ts'
import type { Incoming } from './link.ts'
import { createRoom } from './room.ts'
import type { RoomHandle } from './room.ts'
import type { Me, Mesh, MeshEvents, TokenReason } from './types.ts'

/** What a mesh is made of. */
export interface MeshOptions extends Pick<ConnectionOptions, 'open' | 'reconnect' | 'timeoutMs'> {
  /** Brings another token, where the application can. */
  renew?: ((reason: TokenReason) => string | Promise<string>) | undefined
}

interface Pending {
  to: string
  answer: Deferred<never>
}

/** Puts requests, events and rooms on a connection; `start` brings it up. */
export function createMesh(options: MeshOptions): { mesh: Mesh; start(signal?: AbortSignal): Promise<void> } {
  const { renew } = options
  const pending = new Map<string, Pending>()
  const rooms = new Map<string, RoomHandle>()
  const events = createEmitter<MeshEvents>(fault)
  let me: Me = { peer_id: '', user_id: '' }
  let faulty = false

  const connection = createConnection({
    ...options,
    canRenew: renew !== undefined,
    frame,
    up({ welcome }) {
      const { peer_id, user_id, device_id, resumed } = welcome.payload
      me = { peer_id, user_id, ...(device_id !== undefined && { device_id }) }
      events.emit('system.welcome', welcome.payload, welcome)
      // A resumed session still is in its rooms, and what was missed comes by itself.
      if (!resumed) for (const room of rooms.values()) void room.reenter()
    },
    down(error) {
      for (const { answer } of pending.values()) {
        answer.reject(new MeshError('UNAVAILABLE', error.message, { reason: 'connection_lost', retryable: true }))
      }
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
    async request(type, payload, { to = 'server', id, timeoutMs = options.timeoutMs, signal } = {}) {
      signal?.throwIfAborted()
      const sent = connection.link().send(type, to, payload, { id })
      return wait(sent, to, deferred(type, { timeoutMs, signal }))
    },
    async send(type, payload, { to, confirmMs }) {
      const sent = connection.link().send(type, to, payload)
      if (confirmMs === undefined) return
      const answer = deferred<void>(type)
      const timer = setTimeout(answer.resolve, confirmMs)
      try {
        await wait(sent, to, answer)
      } finally {
        clearTimeout(timer)
      }
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

  async function wait<T>(id: string, to: string, answer: Deferred<T>): Promise<T> {
    // What the reply to a request carries is the table's word: see `Reply`.
    pending.set(id, { to, answer: answer as Deferred<never> })
    try {
      return await answer.promise
    } finally {
      pending.delete(id)
    }
  }

  function frame(frame: Incoming): void {
    const waiting = frame.reply_to === undefined ? undefined : pending.get(frame.reply_to)
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
    if (frame.type === 'system.token.expiring' && renew) void renewToken(renew)
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

function roomOf({ to, payload }: Incoming): string {
  return typeof payload === 'object' && payload && 'room_id' in payload ? String(payload.room_id) : to
}

function closed(): MeshError {
  return new MeshError('UNAVAILABLE', 'The connection is closed', { reason: 'closed', retryable: false })
}
