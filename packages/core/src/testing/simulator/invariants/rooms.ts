import { isOwnLeft, receivedBy, type Evidence, type Invariant, type SessionView, type Violation } from './evidence.ts'

/** How long an event may be under way, in milliseconds. */
const underWay = 1_500

/**
 * Whoever has joined hears every event of the room from its snapshot on: each once, in order, without a gap, over all the
 * sockets of a session. When everything has come to rest, everybody who is still in is a member and level with the log.
 */
export const membersHearAll: Invariant = (evidence) => evidence.sessions.flatMap((session) => listen(evidence, session))

function listen({ rooms, isSettled, entries }: Evidence, session: SessionView): Violation[] {
  const violations: Violation[] = []
  const joined = new Map<string, { seq: number; gap?: string }>()
  let at = 0
  const accuse = (what: string) =>
    violations.push({ invariant: 'membersHearAll', at, what: `${session.peer_id} ${what}` })

  for (const { frame, at: now } of receivedBy(session)) {
    at = now
    if (frame.type === 'room.joined') {
      const { room_id, seq } = frame.payload as { room_id: string; seq: number }
      const before = joined.get(room_id)
      if (before && seq < before.seq) accuse(`was shown ${room_id} at ${seq} after ${before.seq}`)
      joined.set(room_id, { seq })
    } else if (isOwnLeft(frame, session)) joined.delete(String(frame.payload.room_id))
    const view = joined.get(frame.to)
    const { seq } = frame.payload
    if (!view || typeof seq !== 'number') continue
    if (view.gap !== undefined && frame.reply_to === undefined) accuse(view.gap)
    if (frame.reply_to === undefined) delete view.gap
    if (seq === view.seq + 1) view.seq = seq
    else if (seq > view.seq) {
      // Whoever leaves at once is still owed the answer, even if what came before it is not there yet.
      view.gap ??= `heard ${seq} of ${frame.to} after ${view.seq}`
      if (frame.reply_to === undefined) accuse(view.gap)
      view.seq = seq
    } else if (frame.type !== 'call.missed' && frame.reply_to === undefined) {
      // The count of a missed call rises in its place, and an answer is owed whatever was heard before.
      accuse(`heard ${seq} of ${frame.to} again after ${view.seq}`)
    }
  }

  if (!isSettled || session.lostAt !== undefined) return violations
  const settled = settledBefore(entries, (entries.at(-1)?.at ?? 0) - underWay)
  for (const [room_id, { seq }] of joined) {
    const room = rooms.get(room_id)
    if (!room) accuse(`is still in ${room_id}, which was deleted`)
    else if (!room.members.has(session.user_id)) accuse(`is still in ${room_id}, no member any more`)
    else if (seq < (settled.get(room_id) ?? room.events.length))
      accuse(`is at ${seq} of ${room_id}, which is at ${room.events.length}`)
  }
  return violations
}

/** The latest `seq` that each room had some time before the end, where it had another later. */
function settledBefore(entries: Evidence['entries'], end: number): Map<string, number> {
  const settled = new Map<string, number>()
  for (const entry of entries) {
    if (entry.kind !== 'commit' || entry.at <= end) continue
    const { room_id, seq } = entry.event
    settled.set(room_id, Math.min(settled.get(room_id) ?? Infinity, seq - 1))
  }
  return settled
}
