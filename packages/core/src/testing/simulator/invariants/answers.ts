import type { EntryOf } from '../history.ts'
import { isOwnLeft, receivedBy, type Invariant, type SessionView } from './evidence.ts'

const answered = new Set([
  'room.join',
  'room.leave',
  'chat.message.send',
  'capability.request',
  'system.ping',
  'system.token.refresh',
  'terminal.share.start',
  'terminal.share.stop',
  'terminal.control.take',
  'terminal.control.renew',
  'terminal.control.release',
  'p2p.session.request',
  'p2p.session.accept',
  'p2p.session.reject',
  'p2p.session.renew',
  'p2p.session.closed',
])

/** How long an answer may take, in milliseconds. */
const patience = 4_000

/**
 * Every request that a node took while the connection stood is answered, as long as the session lives, whichever socket
 * the answer finds; and no request is answered more often than it was made. For what waits for somebody who is removed from
 * a room, the `room.left` stands. Requests of a session are handled one after the other: at the very end a line of them that
 * still moves need not be through.
 */
export const requestsAreAnswered: Invariant = ({ entries, sessions, sessionOf, isSettled }) => {
  const closed = new Set<number>()
  // What was asked at the very end has had no time to be answered.
  const end = (entries.at(-1)?.at ?? 0) - patience
  const made = new Map<SessionView, Map<string, { times: number; entry: EntryOf<'take'> }>>()
  for (const entry of entries) {
    if (entry.kind === 'close' || entry.kind === 'gone') closed.add(entry.conn)
    if (entry.kind !== 'take' || closed.has(entry.conn) || !answered.has(entry.frame.type)) continue
    const session = sessionOf.get(entry.conn)
    if (!session) continue
    const own = made.get(session) ?? new Map<string, { times: number; entry: EntryOf<'take'> }>()
    made.set(session, own)
    own.set(entry.frame.id, { times: (own.get(entry.frame.id)?.times ?? 0) + 1, entry })
  }
  return sessions.flatMap((session) => {
    const answers = new Map<string, number>()
    const removed = new Set<string>()
    let answeredAt = -Infinity
    for (const { frame, at } of receivedBy(session)) {
      if (isOwnLeft(frame, session) && frame.payload.reason !== 'left') removed.add(String(frame.payload.room_id))
      if (frame.reply_to === undefined) continue
      answers.set(frame.reply_to, (answers.get(frame.reply_to) ?? 0) + 1)
      answeredAt = at
    }
    const requests = [...(made.get(session) ?? [])]
    const through = requests.findLastIndex(([id]) => answers.has(id))
    return requests.flatMap(([id, { times, entry }], place) => {
      const got = answers.get(id) ?? 0
      const isExcused =
        !isSettled ||
        session.lostAt !== undefined ||
        entry.at > end ||
        (place > through && answeredAt > end) ||
        removed.has(entry.frame.to) ||
        removed.has(String(entry.frame.payload.room_id)) ||
        (entry.frame.to === 'server' && removed.size > 0)
      if (got <= times && (got > 0 || isExcused)) return []
      const what = `${session.peer_id} asked ${entry.frame.type} ${id} ${times} times and was answered ${got} times`
      return [{ invariant: 'requestsAreAnswered', at: entry.at, what }]
    })
  })
}
