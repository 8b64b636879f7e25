import { isDemotion, type Role } from './acl.ts'
import type { Directory } from './cluster/directory.ts'
import { createSeats, type Seats } from './cluster/seats.ts'
import type { Engine, LeaveCause, LiveRoom, Occupant, Outgoing, Peer } from './context.ts'
import { deliver, eventFrame, outbound, systemFrame } from './deliver.ts'
import type { Encoder } from './encoder.ts'
import { MeshError } from './errors.ts'
import { passOn } from './frame.ts'
import { createMultimap } from './multimap.ts'
import type { Clock, RoomEvent, Storage } from './ports/index.ts'
import { shownPresence } from './presence/state.ts'
import type { ServerEventType, ServerPayload } from './protocol.ts'
import { createRoomLog, type ReplyTo } from './room-log.ts'

/** What hears of who is in a room, and of what was stored there. */
export type HubHooks = {
  left(occupant: Occupant, cause: LeaveCause): void
  restricted(occupant: Occupant, cause: 'role' | 'policy'): void
  connectivity(occupant: Occupant): void
  stored(room: LiveRoom, event: RoomEvent): void
}

/** The live state of one node: who is connected, who is in which room, and the order in which rooms hear of events. */
export interface Hub
  extends
    Pick<Seats, 'arrive' | 'depart'>,
    Pick<
      Engine,
      | 'peers'
      | 'rooms'
      | 'tell'
      | 'broadcast'
      | 'showPresence'
      | 'publish'
      | 'enter'
      | 'leave'
      | 'notInRoom'
      | 'refresh'
      | 'repeat'
      | 'signal'
      | 'deliver'
    > {
  add(peer: Peer): void
  /** The peers of a user on all nodes, those that may come back included, oldest first. */
  peersOf(user_id: string): ReadonlySet<Peer>
  /** The socket of a peer went away or came back. */
  connectivity(peer: Peer): void
  /** Reads again whether a peer is still a member where it is, and what; in case an event did not come through. */
  recheck(peer: Peer): Promise<void>
  /** A peer is gone for good: takes it out of every room. */
  drop(peer: Peer, cause: LeaveCause): void
  /** A room was deleted: everybody is out. */
  close(room_id: string): void
  /** Takes in an event that this or another node has stored. */
  apply(event: RoomEvent, reply?: ReplyTo): void
  /** Compares a live room with the storage, in case something did not come through. Never fails. */
  check(room_id: string): Promise<void>
}

/** How often a snapshot is read that is older than what was told. */
const mostLooks = 100

/** @see Hub */
export function createHub(options: {
  storage: Storage
  clock: Clock
  encoder: Encoder
  hooks: HubHooks
  /** Who is where on other nodes. */
  elsewhere: Pick<Directory, 'inRoom'>
  /** Makes known to the other nodes what is to be shown of an occupant of this one, and that it has left. */
  tellOthers: { shown(occupant: Occupant): void; left(occupant: Occupant, cause: LeaveCause): void }
  /** Makes an event of this node known to the other nodes. */
  announce(event: RoomEvent): void
}): Hub {
  const { storage, clock, encoder, hooks, tellOthers } = options
  const peers = new Map<string, Peer>()
  const byUser = createMultimap<string, Peer>()
  const rooms = new Map<string, LiveRoom>()
  const log = createRoomLog({ storage, clock, encoder, rooms, change })
  const seats = createSeats({ ...options, rooms, byUser, freshPresence, leave, show: showHere, recheck })

  function tell<T extends ServerEventType>(
    peer: Peer,
    type: T,
    payload: ServerPayload<T>,
    outgoing: Outgoing = {},
  ): void {
    const text = encoder(type, peer.peer_id, payload, outgoing)
    deliver(type.startsWith('system.') ? systemFrame(text) : eventFrame(text, outgoing.room), [peer])
  }

  function broadcast<T extends ServerEventType>(
    room: LiveRoom,
    type: T,
    payload: ServerPayload<T>,
    except?: Peer,
  ): void {
    if (room.here === 0) return
    const text = encoder(type, room.room_id, payload)
    const kind = type === 'presence.update' ? 'presence' : 'event'
    const frame = outbound(text, { kind, room, from: except })
    for (const { peer } of room.occupants.values()) if (peer !== except && peer.isHere) peer.send(frame)
    frame.served()
  }

  /** What is older than the membership or policy in force changes nothing. */
  function change(room: LiveRoom, event: RoomEvent): void {
    hooks.stored(room, event)
    if (event.type === 'room.member.removed' || event.type === 'room.member.added') {
      // Whoever is here by an older membership than the one that begins was removed, even if word of that has yet to come.
      for (const occupant of occupantsOf(room, event)) leave(occupant, 'removed')
    } else if (event.type === 'room.member.updated') {
      // The storage wrote this payload for this type: see rooms/events.ts.
      for (const occupant of occupantsOf(room, event)) assign(occupant, event.payload.role as Role, event.seq)
    } else if (event.type === 'room.updated') {
      const { policy } = event.payload as Omit<ServerPayload<'room.updated'>, 'seq'>
      if (policy === undefined || event.seq <= room.policy_seq) return
      room.policy = policy
      room.policy_seq = event.seq
      for (const occupant of room.occupants.values()) hooks.restricted(occupant, 'policy')
    }
  }

  function assign(occupant: Occupant, role: Role, member_seq: number): void {
    if (member_seq <= occupant.member_seq) return
    const previous = occupant.role
    occupant.role = role
    occupant.member_seq = member_seq
    if (isDemotion(previous, role)) hooks.restricted(occupant, 'role')
  }

  const enter: Engine['enter'] = async (peer, room_id, entered) => {
    // The room is live before it is read, so that an event stored meanwhile shows in its `seq`; a snapshot older than
    // that is read again. From the snapshot to the end of this function nothing waits.
    const room = rooms.get(room_id) ?? emptyRoom(room_id)
    rooms.set(room_id, room)
    room.entering++
    try {
      const isIn = () => room.occupants.has(peer.peer_id)
      let wasIn = isIn()
      let snapshot = await storage.rooms.snapshot(room_id)
      // Somebody may also be found to be out by what nobody has told yet, and so without a `seq`: see `recheck`.
      for (let looks = 1; snapshot && (snapshot.room.seq < log.known(room) || (wasIn && !isIn())); looks++) {
        // What was told is stored, unless the storage lost it, or somebody made it up.
        if (looks === mostLooks) throw new MeshError('UNAVAILABLE')
        wasIn = isIn()
        snapshot = await storage.rooms.snapshot(room_id)
      }
      const member = snapshot?.members.find((candidate) => candidate.user_id === peer.user_id)
      if (!snapshot) throw new MeshError('ROOM_NOT_FOUND')
      if (!member) throw new MeshError('ACCESS_DENIED')
      if (!peers.has(peer.peer_id)) throw new MeshError('UNAVAILABLE')
      const { name, policy, policy_seq, seq } = snapshot.room
      if (room.here === 0) {
        Object.assign(room, { name, policy, policy_seq, seq })
        seats.bringIn(room, snapshot.members)
      }
      // The others have not heard of what was read just now. If they do not soon, it got lost on the way here.
      else log.expect(room, seq)
      const { role, member_seq } = member
      const present = room.occupants.get(peer.peer_id)
      // What changed about somebody who is here comes with its event, which also ends what they may no longer do.
      const occupant = present ?? { peer, room, role, member_seq, seq, presence: freshPresence() }
      room.occupants.set(peer.peer_id, occupant)
      if (!present) room.here++
      peer.entered(occupant)
      entered(occupant, { ...snapshot, role }, !present)
    } finally {
      room.entering--
      forgetIfEmpty(room)
    }
  }

  function leave(occupant: Occupant, cause: LeaveCause): void {
    const { peer, room } = occupant
    if (!room.occupants.delete(peer.peer_id)) return
    peer.exited(occupant)
    if (peer.isHere) room.here--
    occupant.presence.cancel?.()
    if (cause === 'removed' || cause === 'deleted') peer.purge(room)
    if (peer.isHere) tellOthers.left(occupant, cause)
    hooks.left(occupant, cause)
    const reason = cause === 'revoked' ? 'disconnected' : cause
    const left = { room_id: room.room_id, peer_id: peer.peer_id, reason }
    if (peer.isHere && (reason === 'removed' || reason === 'deleted')) tell(peer, 'room.left', left)
    if (reason === 'disconnected') {
      broadcast(room, 'presence.update', { ...shownPresence(occupant), status: 'offline' }, peer)
    }
    if (reason !== 'deleted') broadcast(room, 'room.left', left)
    forgetIfEmpty(room)
  }

  function close(room_id: string): void {
    const room = rooms.get(room_id)
    if (!room) return
    // Whoever is on the way in may have read the room before: no snapshot of it is new enough any more.
    room.seq = Infinity
    for (const occupant of [...room.occupants.values()]) leave(occupant, 'deleted')
  }

  /** Shows the peers of this node what is to be shown of an occupant. */
  function showHere(occupant: Occupant): void {
    broadcast(occupant.room, 'presence.update', shownPresence(occupant), occupant.peer)
  }

  async function recheck(peer: Peer): Promise<void> {
    const occupants = [...peer.rooms.values()]
    const members = await Promise.all(occupants.map(({ room }) => storage.rooms.member(room.room_id, peer.user_id)))
    for (const [at, occupant] of occupants.entries()) {
      // Of what it entered meanwhile nothing was read here: a request from before the break may just have been granted.
      if (peer.rooms.get(occupant.room.room_id) !== occupant) continue
      const member = members[at]
      if (member) assign(occupant, member.role, member.member_seq)
      else leave(occupant, 'removed')
    }
  }

  function freshPresence(): Occupant['presence'] {
    return { status: 'online', note: undefined, last_seen: clock.now(), told_at: -Infinity, cancel: undefined }
  }

  function forgetIfEmpty(room: LiveRoom): void {
    if (room.here > 0 || rooms.get(room.room_id) !== room) return
    for (const occupant of room.occupants.values()) occupant.peer.exited(occupant)
    room.occupants.clear()
    if (room.entering === 0) rooms.delete(room.room_id)
    // Nobody is left to be told what waits for its turn, but whoever is on the way in must not miss it.
    room.seq = log.known(room)
    log.forget(room)
  }

  return {
    peers,
    rooms,
    tell,
    broadcast,
    showPresence(occupant) {
      tellOthers.shown(occupant)
      showHere(occupant)
    },
    arrive: seats.arrive,
    depart: seats.depart,
    apply: log.apply,
    repeat: log.repeat,
    enter,
    leave,
    deliver,
    signal(call, payload, room) {
      const text = passOn(call.frame, call.peer.peer_id, payload)
      return outbound(text, { kind: 'signal', room, from: call.peer, id: call.id })
    },
    publish(event, reply) {
      log.apply(event, reply)
      options.announce(event)
    },
    async notInRoom(room_id) {
      throw new MeshError((await storage.rooms.find(room_id)) ? 'ACCESS_DENIED' : 'ROOM_NOT_FOUND')
    },
    add(peer) {
      peers.set(peer.peer_id, peer)
      byUser.add(peer.user_id, peer)
    },
    peersOf: byUser.get,
    connectivity(peer) {
      for (const occupant of peer.rooms.values()) hooks.connectivity(occupant)
    },
    recheck,
    drop(peer, cause) {
      if (!peers.delete(peer.peer_id)) return
      byUser.delete(peer.user_id, peer)
      for (const occupant of [...peer.rooms.values()]) leave(occupant, cause)
    },
    close,
    async refresh(peer) {
      await Promise.all([...peer.rooms.values()].map(({ room }) => log.refresh(room)))
    },
    async check(room_id) {
      const room = rooms.get(room_id)
      try {
        if (room && !(await log.check(room))) close(room_id)
      } catch {
        // The storage is away; the next look finds out.
      }
    },
  }
}

function emptyRoom(room_id: string): LiveRoom {
  return { room_id, name: '', policy: {}, policy_seq: 0, seq: 0, entering: 0, here: 0, occupants: new Map() }
}

/** Those whose membership an event changes: a later one of the same user is none of its business. */
function occupantsOf(room: LiveRoom, { payload, seq }: RoomEvent): Occupant[] {
  return [...room.occupants.values()].filter(
    ({ peer, member_seq }) => peer.user_id === payload.user_id && member_seq < seq,
  )
}
