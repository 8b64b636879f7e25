import { closeCodes } from '../../../close-codes.ts'
import type { Barred, EntryOf, Wire } from '../history.ts'
import {
  isBridged,
  isOwnLeft,
  receivedBy,
  roomIn,
  roomsOfCalls,
  type Invariant,
  type SessionView,
  type Violation,
} from './evidence.ts'

/** After its own `room.left` a client gets nothing of the room; the answer to a request of its own is no news of it. */
export const nothingFollowsLeaving: Invariant = (evidence) => {
  const calls = roomsOfCalls(evidence)
  return evidence.sessions.flatMap((session) => {
    const left = new Set<string>()
    return receivedBy(session).flatMap(({ frame, at }) => {
      const room_id = roomIn(frame, calls)
      if (room_id === undefined) return []
      if (isOwnLeft(frame, session)) left.add(room_id)
      else if (frame.type === 'room.joined') left.delete(room_id)
      else if (frame.reply_to === undefined && left.has(room_id) && !isHangUp(frame)) {
        const what = `${session.peer_id} got ${frame.type} of ${room_id} after it had left`
        return [{ invariant: 'nothingFollowsLeaving', at, what }]
      }
      return []
    })
  })
}

/** That a call is over tells nothing of the room, and may wait for somebody while they leave it. */
const isHangUp = ({ type, from }: Wire) => type === 'rtc.bye' && from === 'server'

interface Stay {
  /** `seq` of the snapshot. */
  readonly seq: number
  /** The step in which the node came to know that the stay is over. */
  overSince?: number
}

/**
 * From the step on in which a node was given the removal of a member, it gives nothing of the room to the sockets of that
 * user, what had waited or was to be sent again included; but for the word that it is out, and that a call is over. What a
 * socket had already been given is beyond recall, and so is what is on its way to a socket of another node.
 */
export const exMembersHearNothing: Invariant = (evidence) => {
  const calls = roomsOfCalls(evidence)
  const stays = new Map<SessionView, Map<string, Stay>>(evidence.sessions.map((session) => [session, new Map()]))

  const laterMember = new Map<string, number>()
  // A list that is read again may bring what is older than what is known.
  function known(node: string, room_id: string, user_id: string, member_seq: number): void {
    const key = `${node} ${room_id} ${user_id}`
    laterMember.set(key, Math.max(member_seq, laterMember.get(key) ?? 0))
  }

  function judge({ frame, step, at }: EntryOf<'hand'>, session: SessionView, own: Map<string, Stay>): Violation[] {
    const room_id = roomIn(frame, calls)
    if (room_id === undefined) return []
    if (frame.type === 'room.joined') own.set(room_id, { seq: Number(frame.payload.seq) })
    else if (isOwnLeft(frame, session)) own.delete(room_id)
    const { overSince = Infinity } = own.get(room_id) ?? {}
    if (step <= overSince || frame.reply_to !== undefined || isHangUp(frame)) return []
    const what = `${session.peer_id} got ${frame.type} of ${room_id} after it was removed`
    return [{ invariant: 'exMembersHearNothing', at, what }]
  }

  function leave({ conn, frame }: EntryOf<'take'>): void {
    const session = evidence.sessionOf.get(conn)
    const own = session && stays.get(session)
    if (own?.get(frame.to)?.overSince === undefined) own?.delete(frame.to)
  }

  return evidence.entries.flatMap((entry) => {
    if (entry.kind === 'hand') {
      const session = evidence.sessionOf.get(entry.conn)
      const own = session && stays.get(session)
      // What goes by another node is not judged, but it may begin another stay.
      const violations = own ? judge(entry, session, own) : []
      return session && isBridged(session, entry.conn) ? [] : violations
    }
    // A stay that its own peer has ended is not ended by a removal: what was sent before is of a time when it might hear it.
    if (entry.kind === 'take' && entry.frame.type === 'room.leave') leave(entry)
    if (entry.kind === 'member') known(entry.node, entry.room_id, entry.user_id, entry.member_seq)
    if (entry.kind !== 'learn' || !entry.event.type.startsWith('room.member.')) return []
    const { room_id, seq, payload, type } = entry.event
    if (type !== 'room.member.removed') {
      known(entry.node, room_id, String(payload.user_id), seq)
      return []
    }
    // Whoever came back was found to be a member, of a later date, before the node heard of the removal.
    if ((laterMember.get(`${entry.node} ${room_id} ${String(payload.user_id)}`) ?? 0) > seq) return []
    for (const [session, own] of stays) {
      const stay = own.get(room_id)
      const isMeant = session.node === entry.node && session.user_id === payload.user_id
      if (isMeant && stay && stay.seq < seq) stay.overSince ??= entry.step
    }
    return []
  })
}

const concerns = (which: Barred, open: EntryOf<'open'>) =>
  'sid' in which ? open.sid === which.sid : open.user_id === which.user_id

/** Only whose user or login has ended is told that it has. */
export const nobodyIsBarredForNothing: Invariant = ({ entries, opened }) => {
  const revoked: Barred[] = []
  return entries.flatMap((entry) => {
    if (entry.kind === 'revoke') revoked.push(entry.which)
    if (entry.kind !== 'close' || entry.code !== closeCodes.revoked) return []
    const open = opened.get(entry.conn)
    if (open && revoked.some((which) => concerns(which, open))) return []
    const what = `connection ${entry.conn} was closed as revoked, and nothing was`
    return [{ invariant: 'nobodyIsBarredForNothing', at: entry.at, what }]
  })
}

/** Whose user or login was barred at a node gets nothing more there, and does not come back to the same session. */
export const barredHearNothing: Invariant = ({ entries, opened, sessionOf }) => {
  const barred = new Map<number, number>()
  // Who asks only afterwards is judged by what is true then.
  const asked = new Map<number, number>()
  const violations: Violation[] = []
  for (const entry of entries) {
    if (entry.kind === 'take' && entry.frame.type === 'system.hello') asked.set(entry.conn, entry.step)
    else if (entry.kind === 'bar') {
      for (const [conn, open] of opened) {
        const node = sessionOf.get(conn)?.node ?? open.node
        if (concerns(entry.which, open) && node === entry.node && (asked.get(conn) ?? Infinity) <= entry.step)
          barred.set(conn, entry.step)
      }
    } else if (entry.kind === 'hand' && entry.frame.type !== 'error') {
      const session = sessionOf.get(entry.conn)
      if (session && isBridged(session, entry.conn)) continue
      const conns = [entry.conn, ...(session?.stretches.map(({ conn }) => conn) ?? [])]
      const isLate = conns.some((conn) => entry.step > (barred.get(conn) ?? Infinity))
      const what = `connection ${entry.conn} got ${entry.frame.type} after it was barred`
      if (isLate) violations.push({ invariant: 'barredHearNothing', at: entry.at, what })
    }
  }
  return violations
}
