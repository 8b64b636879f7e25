import { isMeshError } from '@mesh/core/errors'
import type { ClientPayload, Envelope, ServerEventType, ServerPayload } from '@mesh/core/protocol'
import type { WaitOptions } from './deferred.ts'
import { createEmitter } from './emitter.ts'
import type { Joined, Member, Mesh, Peer, Room, RoomEvents } from './types.ts'

/** A room, with what only its mesh does to it. */
export interface RoomHandle {
  readonly room: Room
  enter(wait: WaitOptions): Promise<void>
  reenter(): Promise<void>
  /** Takes in an event that belongs to the room. */
  take(envelope: Envelope): void
  end(reason: RoomEvents['left'][0]): void
}

/** What a room needs of its mesh. */
export interface RoomContext {
  mesh: Mesh
  room_id: string
  onFault(error: unknown): void
  forget(): void
}

/** Makes a room that is not yet entered. */
export function createRoom({ mesh, room_id, onFault, forget }: RoomContext): RoomHandle {
  const events = createEmitter<RoomEvents>(onFault)
  const members = new Map<string, Member>()
  const peers = new Map<string, Peer>()
  const here = { to: room_id }
  let snapshot: Joined | undefined
  /** What the first snapshot of this session knows, and what has been told since; until it is there nothing has been. */
  let since = Infinity
  let seq = 0
  let status: ClientPayload<'presence.update'> | undefined
  let entering: Promise<unknown> | undefined
  let over = false
  let leaving = false

  const room: Room = {
    mesh,
    id: room_id,
    members,
    peers,
    get name() {
      return snapshot?.name ?? ''
    },
    get role() {
      return snapshot?.role ?? 'guest'
    },
    get caps() {
      return snapshot?.caps ?? []
    },
    get relayOnly() {
      return snapshot?.relay_only === true
    },
    get seq() {
      return seq
    },
    send: (text, options) => mesh.request('chat.message.send', { text }, { ...options, ...here }),
    async setStatus(next, note) {
      status = { status: next, ...(note !== undefined && { note }) }
      await mesh.send('presence.update', status, here)
      const own = peers.get(mesh.me.peer_id)
      if (!own) return
      const { note: _, ...rest } = own
      peers.set(own.peer_id, { ...rest, ...status })
    },
    capability: (caps, options, wait) => mesh.request('capability.request', { room_id, caps, ...options }, wait),
    on: events.on,
    async leave(wait) {
      leaving = true
      try {
        await mesh.request('room.leave', {}, { ...wait, ...here })
      } catch (error) {
        // With the session we are out by ourselves; nobody enters again on our behalf.
        if (!isSessionLost(error)) {
          leaving = false
          throw error
        }
      }
      end('left')
    },
  }

  /** What each event means for the room. */
  const effects: { [T in ServerEventType]?: (payload: ServerPayload<T>) => void } = {
    'room.joined': (joined) => {
      const again = snapshot !== undefined
      snapshot = joined
      members.clear()
      peers.clear()
      for (const member of joined.members) members.set(member.user_id, member)
      for (const peer of joined.peers) peers.set(peer.peer_id, peer)
      if (again) events.emit('updated')
    },
    'room.left': ({ peer_id, reason }) => {
      if (peer_id === mesh.me.peer_id) return end(reason)
      const peer = peers.get(peer_id)
      if (peer) gone({ ...peer, status: 'offline' })
    },
    'room.updated': refresh,
    'room.member.added': memberChanged,
    'room.member.updated': memberChanged,
    'room.member.removed': ({ user_id }) => {
      members.delete(user_id)
      events.emit('members', members)
    },
    'presence.update': (peer) => {
      if (peer.status === 'offline') return gone(peer)
      peers.set(peer.peer_id, peer)
      events.emit('presence', peer)
    },
    'chat.message.created': (message) => void events.emit('message', message),
  }

  return { room, enter, reenter, take, end }

  async function enter(wait: WaitOptions): Promise<void> {
    if (snapshot) return
    entering ??= mesh.request('room.join', {}, { ...wait, ...here })
    try {
      await entering
    } catch (error) {
      forget()
      throw error
    }
  }

  async function reenter(): Promise<void> {
    if (!snapshot || leaving) return
    const { me } = mesh
    const after = seq
    since = Infinity
    while (mesh.me === me && !over) {
      try {
        await mesh.request('room.join', {}, here)
        if (status) await mesh.send('presence.update', status, here)
        events.emit('rejoined', { after, seq: since })
        return
      } catch (error) {
        const code = isMeshError(error) ? error.code : undefined
        if (code === 'ROOM_NOT_FOUND') return end('deleted')
        if (code === 'ACCESS_DENIED') return end('removed')
        const ms = isMeshError(error) ? (error.details.retry_after_ms ?? 1000) : 1000
        await new Promise((resolve) => setTimeout(resolve, ms))
      }
    }
  }

  function take({ type, payload }: Envelope): void {
    if (over) return
    const { seq: at } = payload as { seq?: unknown }
    if (typeof at === 'number') {
      if (type === 'room.joined') {
        // Less than before, where an older database was put back. A later snapshot of the session does not count: what it
        // knows has been told, or may still come as an answer.
        if (since === Infinity) since = seq = at
      } else if (at > since && at <= seq) {
        // The answer to a request may tell again what everybody has been told before it came.
        return
      } else seq = Math.max(seq, at)
    }
    // The name picks the effect, and the table says what comes under that name.
    const effect = effects[type as ServerEventType] as ((payload: unknown) => void) | undefined
    effect?.(payload)
  }

  function memberChanged({ user_id, username, role }: Member): void {
    members.set(user_id, { user_id, username, role })
    events.emit('members', members)
    if (user_id === mesh.me.user_id) refresh()
  }

  function gone(peer: Peer): void {
    if (peers.delete(peer.peer_id)) events.emit('presence', peer)
  }

  /** What a role or a policy allows is the server's to say: a fresh snapshot has it. */
  function refresh(): void {
    mesh.request('room.join', {}, here).catch(() => undefined)
  }

  function end(reason: RoomEvents['left'][0]): void {
    if (over) return
    over = true
    forget()
    if (snapshot) events.emit('left', reason)
  }
}

function isSessionLost(error: unknown): boolean {
  return isMeshError(error) && ['connection_lost', 'offline'].includes(error.details.reason ?? '')
}
