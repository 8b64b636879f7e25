import { isOwnLeft, receivedBy, type Evidence, type Invariant, type SessionView, type Violation } from './evidence.ts'

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

  if (!isSettled || !session.isOpen) return violations
  const isHeard = !entries.some((entry) => entry.kind === 'fault' && /^bus|^storage/.test(entry.fault))
  for (const [room_id, { seq }] of joined) {
    const room = rooms.get(room_id)
    // That a room was deleted is told once; nothing shows a node that it has not heard it.
    if (!room && isHeard) accuse(`is still in ${room_id}, which was deleted`)
    if (!room) continue
    if (!room.members.has(session.user_id)) accuse(`is still in ${room_id}, no member any more`)
    else if (seq !== room.events.length) accuse(`is at ${seq} of ${room_id}, which is at ${room.events.length}`)
  }
  return violations
}
