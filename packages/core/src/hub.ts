import { isDemotion, type Role } from './acl.ts'
import type { Call, Engine, LeaveCause, LiveRoom, Occupant, Peer } from './context.ts'
import { MeshError } from './errors.ts'
import type { Encoder } from './encoder.ts'
import { encode } from './frame.ts'
import type { Clock, RoomEvent, Storage } from './ports/index.ts'
import { shownPresence } from './presence/state.ts'
import type { ServerEventType, ServerPayload } from './protocol.ts'

type Hooks = {
  left(occupant: Occupant, cause: LeaveCause): void
  restricted(occupant: Occupant, cause: 'role' | 'policy'): void
}

/** The live state of one node: who is connected, who is in which room, and the order in which rooms hear of events. */
export interface Hub extends Pick<
  Engine,
  | 'peers'
  | 'rooms'
  | 'tell'
  | 'broadcast'
  | 'publish'
  | 'enter'
  | 'leave'
  | 'notInRoom'
  | 'repeat'
  | 'forward'
  | 'encodeSignal'
> {
  add(peer: Peer): void
  /** How many connections a user has on this node. */
  countOf(user_id: string): number
  /** The connection of a peer is over: takes it out of every room. */
  drop(peer: Peer, cause: 'disconnected' | 'revoked'): void
  /** A room was deleted: everybody is out. */
  close(room_id: string): void
  /** Takes in an event that this or another node has stored. */
  apply(event: RoomEvent, reply?: { peer: Peer; reply_to: string }): void
}

/** How long a gap in the order of a room's events may last before the storage is asked for what is missing. */
const gapMs = 200

/** @see Hub */
export function createHub(options: {
  storage: Storage
  clock: Clock
  encoder: Encoder
  hooks: Hooks
  /** Makes an event of this node known to the other nodes. */
  announce(event: RoomEvent): void
}): Hub {
  const { storage, clock, encoder, hooks } = options
  const peers = new Map<string, Peer>()
  const counts = new Map<string, number>()
  const rooms = new Map<string, LiveRoom>()
  const held = new Map<string, Map<number, { event: RoomEvent; reply?: Reply }>>()
  type Reply = { peer: Peer; reply_to: string } | undefined

  function tell<T extends ServerEventType>(
    peer: Peer,
    type: T,
    payload: ServerPayload<T>,
    outgoing?: Parameters<Encoder>[3],
  ): void {
    peer.send(encoder(type, peer.peer_id, payload, outgoing))
  }

  function broadcast<T extends ServerEventType>(
    room: LiveRoom,
    type: T,
    payload: ServerPayload<T>,
    except?: Peer,
  ): void {
    if (room.occupants.size === 0) return
    const frame = encoder(type, room.room_id, payload)
    for (const { peer } of room.occupants.values()) if (peer !== except) peer.send(frame)
  }

  function apply(event: RoomEvent, reply?: Reply): void {
    const room = rooms.get(event.room_id)
    if (!room || room.occupants.size === 0) {
      if (room) room.seq = Math.max(room.seq, event.seq)
      if (reply) reply.peer.send(encodeEvent(event, reply.reply_to))
      return
    }
    if (event.seq > room.seq + 1) return hold(room, event, reply)
    // The count of a missed call may rise after the fact; every other event is told once.
    if (event.seq <= room.seq && event.type !== 'call.missed') return
    room.seq = Math.max(room.seq, event.seq)
    change(room, event)
    if (event.type === 'room.updated') room.name = String(event.payload.name ?? room.name)
    announceIn(room, event, reply)
    release(room)
  }

  /**
   * What an event changes about who may what. It holds as soon as the event is known, even if its turn to be told has not
   * come; what is older than the membership or policy in force changes nothing.
   */
  function change(room: LiveRoom, event: RoomEvent): void {
    if (event.type === 'room.member.removed') {
      for (const occupant of occupantsOf(room, event)) leave(occupant, 'removed')
    } else if (event.type === 'room.member.updated') {
      for (const occupant of occupantsOf(room, event)) {
        const previous = occupant.role
        // The storage wrote this payload for this type: see rooms/events.ts.
        occupant.role = event.payload.role as Role
        occupant.member_seq = event.seq
        if (isDemotion(previous, occupant.role)) hooks.restricted(occupant, 'role')
      }
    } else if (event.type === 'room.updated') {
      const { policy } = event.payload as Omit<ServerPayload<'room.updated'>, 'seq'>
      if (policy === undefined || event.seq <= room.policy_seq) return
      room.policy = policy
      room.policy_seq = event.seq
      for (const occupant of room.occupants.values()) hooks.restricted(occupant, 'policy')
    }
  }

  function announceIn(room: LiveRoom, event: RoomEvent, reply: Reply): void {
    let frame: string | undefined
    for (const occupant of room.occupants.values()) {
      if (reply?.peer === occupant.peer) continue
      // A snapshot may have shown this event already to somebody who has just come in.
      if (event.seq <= occupant.seq && event.type !== 'call.missed') continue
      occupant.seq = event.seq
      occupant.peer.send((frame ??= encodeEvent(event)))
    }
    if (!reply) return
    const own = room.occupants.get(reply.peer.peer_id)
    if (own) own.seq = Math.max(own.seq, event.seq)
    reply.peer.send(encodeEvent(event, reply.reply_to))
  }

  function encodeEvent(event: RoomEvent, reply_to?: string): string {
    return encoder.event(event, reply_to)
  }

  /** Keeps an event until the ones before it are there; if they do not come by themselves the storage has them. */
  function hold(room: LiveRoom, event: RoomEvent, reply: Reply): void {
    const waiting = held.get(room.room_id) ?? new Map<number, { event: RoomEvent; reply?: Reply }>()
    if (waiting.size === 0) clock.after(gapMs, () => void catchUp(room))
    held.set(room.room_id, waiting.set(event.seq, { event, reply }))
    change(room, event)
  }

  function release(room: LiveRoom): void {
    const waiting = held.get(room.room_id)
    const next = waiting?.get(room.seq + 1)
    if (!waiting || !next) return
    waiting.delete(next.event.seq)
    if (waiting.size === 0) held.delete(room.room_id)
    apply(next.event, next.reply)
  }

  async function catchUp(room: LiveRoom, wanted = 0): Promise<void> {
    if (rooms.get(room.room_id) !== room || room.seq >= Math.max(wanted, known(room))) return
    try {
      for (const event of await storage.events.list(room.room_id, { after: room.seq, limit: 1000 })) {
        const waiting = held.get(room.room_id)
        const reply = waiting?.get(event.seq)?.reply
        waiting?.delete(event.seq)
        if (event.seq > room.seq) apply(event, reply)
      }
    } catch {
      // Whatever is still missing is asked for again.
    }
    clock.after(gapMs, () => void catchUp(room, wanted))
  }

  /** The latest `seq` that this node has heard of. */
  function known(room: LiveRoom): number {
    return Math.max(room.seq, ...(held.get(room.room_id)?.keys() ?? []))
  }

  const enter: Engine['enter'] = async (peer, room_id, entered) => {
    // The room is live before it is read, so that an event stored meanwhile shows in its `seq`; a snapshot older than
    // that is read again. From the snapshot to the end of this function nothing waits.
    const room = rooms.get(room_id) ?? emptyRoom(room_id)
    rooms.set(room_id, room)
    room.entering++
    try {
      let snapshot = await storage.rooms.snapshot(room_id)
      while (snapshot && snapshot.room.seq < known(room)) snapshot = await storage.rooms.snapshot(room_id)
      const member = snapshot?.members.find((candidate) => candidate.user_id === peer.user_id)
      if (!snapshot) throw new MeshError('ROOM_NOT_FOUND')
      if (!member) throw new MeshError('ACCESS_DENIED')
      if (!peers.has(peer.peer_id)) throw new MeshError('UNAVAILABLE')
      const { name, policy, policy_seq, seq } = snapshot.room
      if (room.occupants.size === 0) Object.assign(room, { name, policy, policy_seq, seq })
      // The others have not heard of what was read just now. If they do not soon, it got lost on the way here.
      else if (seq > room.seq) clock.after(gapMs, () => void catchUp(room, seq))
      const { role, member_seq } = member
      const present = room.occupants.get(peer.peer_id)
      // What changed about somebody who is here comes with its event, which also ends what they may no longer do.
      const occupant = present ?? { peer, room, role, member_seq, seq, presence: freshPresence() }
      occupant.seq = seq
      room.occupants.set(peer.peer_id, occupant)
      peer.rooms.set(room_id, occupant)
      entered(occupant, { ...snapshot, role }, !present)
    } finally {
      room.entering--
      forgetIfEmpty(room)
    }
  }

  function leave(occupant: Occupant, cause: LeaveCause): void {
    const { peer, room } = occupant
    if (!room.occupants.delete(peer.peer_id)) return
    peer.rooms.delete(room.room_id)
    occupant.presence.cancel?.()
    hooks.left(occupant, cause)
    const reason = cause === 'revoked' ? 'disconnected' : cause
    const left = { room_id: room.room_id, peer_id: peer.peer_id, reason }
    if (reason === 'removed' || reason === 'deleted') tell(peer, 'room.left', left)
    if (reason === 'disconnected') {
      broadcast(room, 'presence.update', { ...shownPresence(occupant), status: 'offline' })
    }
    if (reason !== 'deleted') broadcast(room, 'room.left', left)
    forgetIfEmpty(room)
  }

  function freshPresence(): Occupant['presence'] {
    return { status: 'online', note: undefined, last_seen: clock.now(), told_at: -Infinity, cancel: undefined }
  }

  function forgetIfEmpty(room: LiveRoom): void {
    if (room.occupants.size > 0 || room.entering > 0 || rooms.get(room.room_id) !== room) return
    rooms.delete(room.room_id)
    const waiting = held.get(room.room_id)
    held.delete(room.room_id)
    // Nobody is left to tell in order, but whoever asked is still owed the answer.
    for (const { event, reply } of waiting?.values() ?? []) reply?.peer.send(encodeEvent(event, reply.reply_to))
  }

  return {
    peers,
    rooms,
    tell,
    broadcast,
    apply,
    enter,
    leave,
    repeat: (peer, event, reply_to) => peer.send(encodeEvent(event, reply_to)),
    encodeSignal,
    forward(call, payload, receivers) {
      const frame = encodeSignal(call, payload)
      for (const peer of receivers) peer.send(frame)
    },
    publish(event, reply) {
      apply(event, reply)
      options.announce(event)
    },
    async notInRoom(room_id) {
      throw new MeshError((await storage.rooms.find(room_id)) ? 'ACCESS_DENIED' : 'ROOM_NOT_FOUND')
    },
    add(peer) {
      peers.set(peer.peer_id, peer)
      counts.set(peer.user_id, (counts.get(peer.user_id) ?? 0) + 1)
    },
    countOf: (user_id) => counts.get(user_id) ?? 0,
    drop(peer, cause) {
      if (!peers.delete(peer.peer_id)) return
      const left = (counts.get(peer.user_id) ?? 1) - 1
      if (left > 0) counts.set(peer.user_id, left)
      else counts.delete(peer.user_id)
      for (const occupant of [...peer.rooms.values()]) leave(occupant, cause)
    },
    close(room_id) {
      const room = rooms.get(room_id)
      if (!room) return
      // Whoever is on the way in may have read the room before: no snapshot of it is new enough any more.
      room.seq = Infinity
      for (const occupant of [...room.occupants.values()]) leave(occupant, 'deleted')
    },
  }
}

function encodeSignal({ type, id, timestamp, peer, to }: Call, payload: object): string {
  return encode({ type, id, timestamp, from: peer.peer_id, to }, payload)
}

function emptyRoom(room_id: string): LiveRoom {
  return { room_id, name: '', policy: {}, policy_seq: 0, seq: 0, entering: 0, occupants: new Map() }
}

/** Those whose membership an event changes: a later one of the same user is none of its business. */
function occupantsOf(room: LiveRoom, { payload, seq }: RoomEvent): Occupant[] {
  return [...room.occupants.values()].filter(
    ({ peer, member_seq }) => peer.user_id === payload.user_id && member_seq < seq,
  )
}
