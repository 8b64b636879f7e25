import type { EntryOf, History, Wire } from '../history.ts'

/** A promise that did not hold, and where. */
export interface Violation {
  readonly invariant: string
  /** Monotonic, in milliseconds. */
  readonly at: number
  readonly what: string
}

/** One socket of a session. */
export interface Stretch {
  readonly conn: number
  /** Whether the socket is on another node than the session. */
  readonly isBridged: boolean
  /** How many frames the client had received before, as it said itself. */
  readonly from: number
  /** What the node gave to the socket after the welcome. */
  readonly handed: EntryOf<'hand'>[]
  /** What of it the client got. */
  readonly received: EntryOf<'receive'>[]
}

/** One session over all its sockets. */
export interface SessionView {
  readonly session_id: string
  readonly peer_id: string
  readonly user_id: string
  readonly sid: string
  /** The node that it lives on. */
  readonly node: string
  readonly stretches: Stretch[]
  /** Since when it was without a socket at the end; undefined when it was still connected. */
  lostAt: number | undefined
}

/** A history, sorted for those who judge it. */
export interface Evidence extends History {
  readonly sessions: readonly SessionView[]
  /** The session behind a connection, once welcomed. */
  readonly sessionOf: ReadonlyMap<number, SessionView>
  readonly opened: ReadonlyMap<number, EntryOf<'open'>>
}

/** A promise, as a pure function over what happened. */
export type Invariant = (evidence: Evidence) => Violation[]

/** Sorts a history by sessions. */
export function evidenceOf(history: History): Evidence {
  const sessionOf = new Map<number, SessionView>()
  const opened = new Map<number, EntryOf<'open'>>()
  const sessions = new Map<string, SessionView>()
  const hellos = new Map<number, Wire>()
  const stretchOf = new Map<number, Stretch>()
  // A client may be gone before it is welcomed.
  const over = new Map<number, number>()
  const begun = history.entries.filter((entry) => entry.kind === 'begin')

  function welcome({ conn, frame }: EntryOf<'hand'>): void {
    const open = opened.get(conn)
    if (!open) return
    const { user_id, sid } = open
    const resume = hellos.get(conn)?.payload.resume as { session_id: string; received: number } | undefined
    const resumed = frame.payload.resumed === true && resume ? sessions.get(resume.session_id) : undefined
    const [session_id, peer_id] = [String(frame.payload.session_id), String(frame.payload.peer_id)]
    const node = begun.find(({ id }) => session_id.endsWith(id))?.node ?? open.node
    // What another node brings late is for a socket that the client has left for the one which it reads now.
    if (resumed?.stretches.some((later) => later.conn > conn)) return void sessionOf.set(conn, resumed)
    const session = resumed ?? { session_id, peer_id, user_id, sid, node, stretches: [], lostAt: undefined }
    const isBridged = node !== open.node
    const stretch = { conn, isBridged, from: resumed ? (resume?.received ?? 0) : 0, handed: [], received: [] }
    session.stretches.push(stretch)
    session.lostAt = over.get(conn)
    sessions.set(session_id, session)
    sessionOf.set(conn, session)
    stretchOf.set(conn, stretch)
  }

  for (const entry of history.entries) {
    if (entry.kind === 'open') opened.set(entry.conn, entry)
    else if (entry.kind === 'take' && entry.frame.type === 'system.hello') hellos.set(entry.conn, entry.frame)
    else if (entry.kind === 'hand' && entry.frame.type === 'system.welcome') welcome(entry)
    else if (entry.kind === 'hand') stretchOf.get(entry.conn)?.handed.push(entry)
    else if (entry.kind === 'receive' && entry.frame.type !== 'system.welcome') {
      stretchOf.get(entry.conn)?.received.push(entry)
    } else if (entry.kind === 'close' || entry.kind === 'gone' || entry.kind === 'lost') {
      over.set(entry.conn, entry.at)
      const session = sessionOf.get(entry.conn)
      if (session?.stretches.at(-1)?.conn === entry.conn) session.lostAt ??= entry.at
    }
  }
  return { ...history, sessions: [...sessions.values()], sessionOf, opened }
}

/** All that the client of a session got, in order. */
export function receivedBy({ stretches }: SessionView): EntryOf<'receive'>[] {
  return stretches.length === 1 ? (stretches[0]?.received ?? []) : stretches.flatMap(({ received }) => received)
}

/** Whether this socket of a session is on another node than the session. */
export function isBridged({ stretches }: SessionView, conn: number): boolean {
  return stretches.some((stretch) => stretch.conn === conn && stretch.isBridged)
}

/** Whether a frame tells this session that it is no longer in the room. */
export function isOwnLeft({ type, payload }: Wire, { peer_id }: SessionView): boolean {
  return type === 'room.left' && payload.peer_id === peer_id
}

/** Which room each session between peers belongs to, as its offers and requests say. */
export function roomsOfCalls({ entries }: History): Map<string, string> {
  const rooms = new Map<string, string>()
  for (const entry of entries) {
    if (entry.kind !== 'take' && entry.kind !== 'hand') continue
    const { type, payload } = entry.frame
    const isOffer = entry.kind === 'take' && type === 'rtc.offer'
    const isRequest = entry.kind === 'hand' && type === 'p2p.session.request'
    if (!isOffer && !isRequest) continue
    const id = String(isOffer ? payload.rtc_id : payload.session_id)
    if (!rooms.has(id)) rooms.set(id, String(payload.room_id))
  }
  return rooms
}

/** The room that a frame of the server tells of, if any. */
export function roomIn({ type, to, payload }: Wire, calls: ReadonlyMap<string, string>): string | undefined {
  if (type === 'error') return undefined
  if (to.startsWith('room_')) return to
  if (typeof payload.room_id === 'string') return payload.room_id
  if (typeof payload.rtc_id === 'string') return calls.get(payload.rtc_id)
  // That a session is over tells nothing of the room; its tokens are not for somebody who is out.
  const isToken = type === 'p2p.session.created' || type === 'p2p.session.renewed'
  return isToken ? calls.get(String(payload.session_id)) : undefined
}
