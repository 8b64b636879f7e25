import type { RoomEvent } from '../../../ports/index.ts'
import type { Happening, History, Wire } from '../history.ts'
import { violationsOf } from './index.ts'

/** Histories written by hand, for the tests of the invariants. Not published. */

/** Who is there, and where. */
export const ids = { ann: 'peer_ann', bob: 'peer_bob', cleo: 'peer_cleo', room: 'room_a', call: 'rtc_a' }
let made = 0

/** A frame of the server, unless told. */
export function frame(type: string, to: string, payload: object = {}, extra: Partial<Wire> = {}): Wire {
  return { type, id: `id${made++}`, timestamp: '', from: 'server', to, payload: payload as Wire['payload'], ...extra }
}

/** What the checks say of a history of these happenings, each in a step of its own. */
export function tell(...happenings: (Happening | Happening[])[]): string[] {
  return judge(happenings)
}

/** As {@link tell}, with what the storage holds at the end. */
export function judge(happenings: (Happening | Happening[])[], rest: Partial<History> = {}): string[] {
  const entries = happenings.flat().map((happening, step) => ({ at: step * 1_000, step, ...happening }))
  return violationsOf({ entries, rooms: new Map(), signalLife: 30_000, isSettled: false, ...rest }).map(
    ({ invariant }) => invariant,
  )
}

/** A connection of somebody on node `n`, with its welcome. */
export function enter(
  conn: number,
  name: 'ann' | 'bob' | 'cleo',
  resume?: { token: string; received: number },
): Happening[] {
  const session_id = `sess_${name}`
  const hello = frame('system.hello', 'server', resume ? { resume: { session_id, ...resume } } : {})
  const payload = { session_id, peer_id: ids[name], resumed: resume !== undefined, resume: { token: `token${conn}` } }
  return [
    { kind: 'open', conn, node: 'n', client: name, user_id: `usr_${name}`, device_id: undefined, sid: `login_${name}` },
    { kind: 'take', conn, frame: hello },
    { kind: 'hand', conn, frame: frame('system.welcome', ids[name], payload) },
  ]
}

/** The wall clock of a node is set. */
export const clock = (now: number, node = 'n'): Happening => ({ kind: 'clock', node, now })
/** A node was given a frame. */
export const take = (conn: number, taken: Wire): Happening => ({ kind: 'take', conn, frame: taken })
/** A node gave a frame to the socket. */
export const hand = (conn: number, handed: Wire): Happening => ({ kind: 'hand', conn, frame: handed })
/** A node gave a frame to the socket, and the client got it. */
export const give = (conn: number, given: Wire): Happening[] => [
  hand(conn, given),
  { kind: 'receive', conn, frame: given },
]

/** The snapshot of the room at `seq`, for ann. */
export const joined = (seq: number) => frame('room.joined', ids.ann, { room_id: ids.room, seq }, { reply_to: 'join' })
/** The word to a peer that it is out of the room. */
export const left = (peer_id: string, reason: string) =>
  frame('room.left', peer_id, { room_id: ids.room, peer_id, reason }, reason === 'left' ? { reply_to: 'leave' } : {})
/** Somebody said something. */
export const said = (seq: number, extra: Partial<Wire> = {}) =>
  frame('chat.message.created', ids.room, { seq, text: `text ${seq}`, message_id: `msg_${seq}` }, extra)

/** A durable event of the room. */
export function stored(seq: number, type: string, payload: object): RoomEvent {
  return { room_id: ids.room, seq, id: '', type, from: '', at: 0, payload: payload as RoomEvent['payload'] }
}
/** The node was given a durable event. */
export const learn = (event: RoomEvent): Happening => ({ kind: 'learn', node: 'n', event })
/** The room as the storage holds it at the end; ann is a member. */
export const log = (...events: RoomEvent[]) => ({
  rooms: new Map([[ids.room, { events, members: new Set(['usr_ann']) }]]),
})
/** The first two events of the room: ann made it, bob was added. */
export const start = [
  stored(1, 'room.created', { user_id: 'usr_ann' }),
  stored(2, 'room.member.added', { user_id: 'usr_bob' }),
]
