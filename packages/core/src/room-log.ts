import type { LiveRoom, Outbound, Peer } from './context.ts'
import { deliver, eventFrame } from './deliver.ts'
import type { Encoder } from './encoder.ts'
import type { Clock, RoomEvent, Storage } from './ports/index.ts'

/** Who asked for what became an event, and under which id. */
export interface ReplyTo {
  readonly peer: Peer
  readonly reply_to: string
}

/** Tells the durable events of live rooms in the order of their `seq`, whatever order they are heard of in. */
export interface RoomLog {
  /** Takes in an event that this or another node has stored. */
  apply(event: RoomEvent, reply?: ReplyTo): void
  /** Answers with an event again that everybody else has heard of. */
  repeat(peer: Peer, event: RoomEvent, reply_to: string): void
  /** The latest `seq` that this node has heard of. */
  known(room: LiveRoom): number
  /** The storage is known to be at `seq`: unless the events up to there come soon, they are read. */
  expect(room: LiveRoom, seq: number): void
  /** Compares a room with the storage, in case something did not come through. Resolves with whether there still is such a room. */
  check(room: LiveRoom): Promise<boolean>
  /** Reads what a room has missed and takes it in. @throws MeshError UNAVAILABLE */
  refresh(room: LiveRoom): Promise<void>
  /** Nobody is in the room any more. */
  forget(room: LiveRoom): void
}

/** How long a gap in the order of a room's events may last before the storage is asked for what is missing. */
const gapMs = 200
/** How many events one read brings. */
const pageLimit = 1000

/** @see RoomLog */
export function createRoomLog(options: {
  storage: Storage
  clock: Clock
  encoder: Encoder
  rooms: ReadonlyMap<string, LiveRoom>
  /**
   * What an event changes about who may what. It holds as soon as the event is known, even if its turn to be told has not
   * come; it may be asked twice about one event.
   */
  change(room: LiveRoom, event: RoomEvent): void
}): RoomLog {
  const { storage, clock, encoder, rooms, change } = options
  /** Events that came before their turn, by room and `seq`. */
  const early = new Map<string, Map<number, { event: RoomEvent; reply: ReplyTo | undefined }>>()
  /** Rooms with something missing, and up to where the storage is known to be. */
  const wanted = new Map<LiveRoom, number>()

  function apply(event: RoomEvent, reply?: ReplyTo): void {
    const room = rooms.get(event.room_id)
    if (!room || room.here === 0) {
      if (room) room.seq = Math.max(room.seq, event.seq)
      return answer(event, room, reply)
    }
    if (event.seq > room.seq + 1) return hold(room, event, reply)
    // The count of a missed call may rise after the fact; every other event is told once. Reading what was missing may have
    // told it before its own writer came to: who asked is still owed the answer.
    if (event.seq <= room.seq && event.type !== 'call.missed') return answer(event, room, reply)
    room.seq = Math.max(room.seq, event.seq)
    change(room, event)
    if (event.type === 'room.updated') room.name = String(event.payload.name ?? room.name)
    tell(room, event, reply)
    release(room)
  }

  function tell(room: LiveRoom, event: RoomEvent, reply: ReplyTo | undefined): void {
    const receivers: Peer[] = []
    for (const occupant of room.occupants.values()) {
      if (!occupant.peer.isHere) continue
      // A snapshot may have shown this event already to somebody who has just come in.
      const isNews = event.seq > occupant.seq || event.type === 'call.missed'
      occupant.seq = Math.max(occupant.seq, event.seq)
      if (isNews && occupant.peer !== reply?.peer) receivers.push(occupant.peer)
    }
    if (receivers.length > 0) deliver(frameOf(event, room), receivers)
    answer(event, room, reply)
  }

  function answer(event: RoomEvent, room: LiveRoom | undefined, reply: ReplyTo | undefined): void {
    if (reply) deliver(frameOf(event, room, reply.reply_to), [reply.peer])
  }

  function frameOf(event: RoomEvent, room: LiveRoom | undefined, reply_to?: string): Outbound {
    return eventFrame(encoder.event(event, reply_to), room)
  }

  /** Keeps an event until the ones before it are there; if they do not come by themselves the storage has them. */
  function hold(room: LiveRoom, event: RoomEvent, reply: ReplyTo | undefined): void {
    const waiting = early.get(room.room_id) ?? new Map<number, { event: RoomEvent; reply: ReplyTo | undefined }>()
    look(room)
    // It may come twice, asked for here and told by another node: whoever asked is owed the answer.
    const asked = reply ?? waiting.get(event.seq)?.reply
    early.set(room.room_id, waiting.set(event.seq, { event, reply: asked }))
    change(room, event)
  }

  function release(room: LiveRoom): void {
    const waiting = early.get(room.room_id)
    const next = waiting?.get(room.seq + 1)
    if (!waiting || !next) return
    waiting.delete(next.event.seq)
    if (waiting.size === 0) early.delete(room.room_id)
    apply(next.event, next.reply)
  }

  /** Looks before long for what is missing up to `seq`; one look at a time, or a gap that stays would multiply them. */
  function look(room: LiveRoom, seq = 0): void {
    if (!wanted.has(room)) clock.after(gapMs, () => void catchUp(room))
    wanted.set(room, Math.max(wanted.get(room) ?? 0, seq))
  }

  async function catchUp(room: LiveRoom): Promise<void> {
    if (rooms.get(room.room_id) !== room || room.seq >= Math.max(wanted.get(room) ?? 0, known(room))) {
      wanted.delete(room)
      return
    }
    // Whatever is still missing is asked for again.
    await refresh(room).catch(() => {})
    clock.after(gapMs, () => void catchUp(room))
  }

  async function refresh(room: LiveRoom): Promise<void> {
    const told = [...(early.get(room.room_id)?.keys() ?? [])]
    const stored = await storage.events.list(room.room_id, { after: room.seq, limit: pageLimit })
    for (const event of stored) {
      const waiting = early.get(room.room_id)
      const reply = waiting?.get(event.seq)?.reply
      waiting?.delete(event.seq)
      if (event.seq > room.seq) apply(event, reply)
    }
    if (stored.length < pageLimit) forgetUnstored(room, told, stored)
  }

  /** What was told before the storage was asked, and is not there, was never stored: the storage is who knows. */
  function forgetUnstored(room: LiveRoom, told: readonly number[], stored: readonly RoomEvent[]): void {
    const waiting = early.get(room.room_id)
    if (!waiting) return
    const known = new Set(stored.map(({ seq }) => seq))
    for (const seq of told) if (!known.has(seq) && !waiting.get(seq)?.reply) waiting.delete(seq)
    if (waiting.size === 0) early.delete(room.room_id)
  }

  function known(room: LiveRoom): number {
    return Math.max(room.seq, ...(early.get(room.room_id)?.keys() ?? []))
  }

  function expect(room: LiveRoom, seq: number): void {
    if (seq > room.seq) look(room, seq)
  }

  return {
    apply,
    known,
    expect,
    refresh,
    repeat: (peer, event, reply_to) => answer(event, rooms.get(event.room_id), { peer, reply_to }),
    async check(room) {
      const stored = await storage.rooms.find(room.room_id)
      if (stored) expect(room, stored.seq)
      return stored !== undefined
    },
    forget(room) {
      const waiting = early.get(room.room_id)
      early.delete(room.room_id)
      // Nobody is left to tell in order, but whoever asked is still owed the answer.
      for (const { event, reply } of waiting?.values() ?? []) answer(event, room, reply)
    },
  }
}
