import type { EntryOf, Wire } from '../history.ts'
import { isOwnLeft, roomIn, roomsOfCalls, type Invariant, type SessionView, type Violation } from './evidence.ts'

/**
 * A resumed session goes on where it was: what had been given to the last socket and was not received comes first, in
 * order, before anything new. Left out is only what belongs to a room that the peer was removed from, presence that a
 * later state has taken the place of, and a signal whose sender was told that it was given up.
 */
export const resumedMissNothing: Invariant = ({ sessions, ...history }) => {
  const calls = roomsOfCalls(history)
  const givenUp = new Set<string | undefined>()
  for (const entry of history.entries) {
    if (entry.kind === 'hand' && entry.frame.code === 'UNROUTABLE') givenUp.add(entry.frame.reply_to)
  }
  const isPresence = ({ frame }: EntryOf<'hand'>) => frame.type === 'presence.update'
  const mustCome = (entry: EntryOf<'hand'>) => !isPresence(entry) && !givenUp.has(entry.frame.id)

  return sessions.flatMap((session) => {
    const violations: Violation[] = []
    // What the session was to get on the last socket from its `from` on, whether or not that lived to be given it.
    let meant: EntryOf<'hand'>[] = []
    let from = 0
    for (const stretch of session.stretches) {
      const purged = roomsTakenAway(stretch.handed, session)
      const missed = meant.slice(stretch.from - from)
      const known = new Set(missed.map(({ frame }) => frame.id))
      const due = missed.filter((entry) => mustCome(entry) && !purged.has(roomIn(entry.frame, calls)))
      let come = 0
      for (const { frame, at } of stretch.handed) {
        if (frame.id === due[come]?.frame.id) come++
        else if (come < due.length && !known.has(frame.id)) {
          const what = `${session.peer_id} got ${frame.type} before ${due[come]?.frame.type} that it had missed`
          violations.push({ invariant: 'resumedMissNothing', at, what })
          break
        }
      }
      const open = new Set(due.slice(come))
      meant = [...stretch.handed, ...missed.filter((entry) => open.has(entry) || isPresence(entry))]
      from = stretch.from
    }
    return violations
  })
}

function roomsTakenAway(handed: readonly EntryOf<'hand'>[], session: SessionView): Set<string | undefined> {
  const left = handed.filter(({ frame }) => isOwnLeft(frame, session) && frame.payload.reason !== 'left')
  return new Set(left.map(({ frame }) => String(frame.payload.room_id)))
}

/** No frame comes twice in a session; durable events, whose order is judged by their `seq`, aside. */
export const nothingComesTwice: Invariant = ({ sessions }) =>
  sessions.flatMap((session) => {
    const seen = new Set<string>()
    return session.stretches.flatMap(({ received }) =>
      received.flatMap(({ frame, at }) => {
        if (frame.payload.seq !== undefined && frame.type !== 'room.joined') return []
        const isNew = seen.size !== seen.add(frame.id).size
        const what = `${session.peer_id} got ${frame.type} ${frame.id} twice`
        return isNew ? [] : [{ invariant: 'nothingComesTwice', at, what }]
      }),
    )
  })

/**
 * A session is given back only to its user and device, for the token of its latest welcome, and only where the client did not claim
 * to have more than it was sent. A token is good once: no other hello than the one that spent it may show it again.
 */
export const resumesAreEarned: Invariant = ({ entries, opened }) => {
  const latest = new Map<
    string,
    { tokens: readonly string[]; conn: number; spentBy: string | undefined; spent: string | undefined }
  >()
  const tokens = new Set<string>()
  const hellos = new Map<number, Wire>()
  /** How much each socket of a session was given, with what its client had before. */
  const handed = new Map<string, Map<number, number>>()
  const sessionOf = new Map<number, string>()
  const givenTo = (session_id: string) => handed.get(session_id) ?? new Map<number, number>()
  return entries.flatMap((entry) => {
    if (entry.kind === 'take' && entry.frame.type === 'system.hello') hellos.set(entry.conn, entry.frame)
    if (entry.kind !== 'hand') return []
    const { conn, frame, at } = entry
    const current = sessionOf.get(conn) ?? ''
    if (frame.type !== 'system.welcome') {
      handed.set(current, givenTo(current).set(conn, (givenTo(current).get(conn) ?? 0) + 1))
      return []
    }
    const session_id = String(frame.payload.session_id)
    const before = latest.get(session_id)
    const { token } = frame.payload.resume as { token: string }
    const hello = hellos.get(conn)
    const claim = hello?.payload.resume as { token: string; received: number } | undefined
    const isFresh = tokens.size !== tokens.add(token).size
    const isAgain = before?.spentBy === hello?.id && before?.spent === claim?.token
    // Of two welcomes to one hello, the one that came by another node may be handed over last and be the older one.
    const tokensNow = isAgain && before ? [...before.tokens, token] : [token]
    latest.set(session_id, { tokens: tokensNow, conn, spentBy: hello?.id, spent: claim?.token })
    sessionOf.set(conn, session_id)
    if (isFresh && frame.payload.resumed !== true) return []
    const isOwn = isSame(opened.get(before?.conn ?? 0), opened.get(conn))
    const isHonest = claim !== undefined && claim.received <= Math.max(0, ...givenTo(session_id).values())
    handed.set(session_id, givenTo(session_id).set(conn, claim?.received ?? 0))
    if (isOwn && isHonest && isFresh && (before?.tokens.includes(claim.token) || isAgain)) return []
    return [{ invariant: 'resumesAreEarned', at, what: `connection ${conn} was given ${session_id} back` }]
  })
}

const isSame = (one?: EntryOf<'open'>, other?: EntryOf<'open'>) =>
  one?.user_id === other?.user_id && one?.device_id === other?.device_id
