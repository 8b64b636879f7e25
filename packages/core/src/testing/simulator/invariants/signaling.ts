import type { EntryOf, Wire } from '../history.ts'
import { receivedBy, type Evidence, type Invariant, type SessionView, type Violation } from './evidence.ts'

/** What one end of a signaling session may still hear, and from whom. */
interface End {
  /** The only ones that it may hear from: the peers that it rang, or the one that called it. */
  others: ReadonlySet<string>
  isCaller: boolean
  isOver: boolean
  /** It has offered again, and cannot know whether that went into the session or, after its end, opened it anew. */
  isRenewed: boolean
}

/**
 * A signal comes only from the other end of an open session: a called peer hears from who called it, a caller from those
 * that it rings and then from the one that answered, with no candidate before the answer; nobody hears anything after the
 * end.
 */
export const signalsStayInside: Invariant = ({ entries, sessionOf }) => {
  const rung = calleesOf(entries, sessionOf)
  const ends = new Map<string, End>()
  const answers = new Set<string>()
  const offers = new Set<string>()
  const unrung = new Map<string, string>()
  const judged = new Set<string>()

  function taken({ frame }: EntryOf<'take'>, peer_id: string): void {
    const key = `${String(frame.payload.rtc_id)} ${peer_id}`
    const end = ends.get(key)
    const others = rung.get(frame.id)
    if (frame.type === 'rtc.answer') answers.add(key)
    if (frame.type !== 'rtc.offer') return
    offers.add(key)
    if (!others) return void unrung.set(key, frame.to)
    if (end && !end.isOver) {
      end.isRenewed = true
      // Should the session end before this offer is judged, it opens another one, with those that it is given to.
      end.others = new Set([...end.others, ...others])
    } else ends.set(key, { others, isCaller: true, isOver: false, isRenewed: false })
  }

  function faultOf({ type, from = '', payload }: Wire, key: string): string | undefined {
    let end = ends.get(key)
    if (type === 'rtc.offer' && (!end || end.isOver)) {
      end = { others: new Set([from]), isCaller: false, isOver: false, isRenewed: false }
      ends.set(key, end)
    }
    const isTheEnd = type === 'rtc.bye' && from === 'server'
    // To somebody who was spared the offer, since it had become too old, what came after it is harmless.
    const isSpared = type !== 'rtc.answer' && offers.has(`${String(payload.rtc_id)} ${from}`)
    // Who is called may hang up before the offer has been given to its socket, and is spared it then.
    const to = unrung.get(key)
    const isHangUp = type === 'rtc.bye' && to !== undefined && (to === from || !to.startsWith('peer_'))
    if (!end) return isTheEnd || isSpared || isHangUp ? undefined : 'is of no session of it'
    // An offer after the end opens another session, which may end as well before it has been given to anybody.
    if (end.isOver) return isHangUp || (isTheEnd && to !== undefined) ? undefined : 'is over'
    if (type === 'rtc.bye') {
      end.isOver = !end.isRenewed
      end.isRenewed = false
    }
    if (isTheEnd) return undefined
    if (!end.others.has(from)) return 'it has nothing to do with'
    if (type === 'rtc.answer') end.others = new Set([from])
    const isEarly = type === 'rtc.ice' && end.isCaller && !answers.has(`${String(payload.rtc_id)} ${from}`)
    return isEarly ? 'has not answered' : undefined
  }

  return entries.flatMap((entry) => {
    if (entry.kind !== 'take' && entry.kind !== 'hand') return []
    const { frame, conn, at } = entry
    const session = frame.type.startsWith('rtc.') ? sessionOf.get(conn) : undefined
    if (!session) return []
    const { peer_id } = session
    if (entry.kind === 'take') {
      taken(entry, peer_id)
      return []
    }
    // What is sent again after a reconnect was judged before.
    if (judged.size === judged.add(`${frame.id} ${peer_id}`).size) return []
    const fault = faultOf(frame, `${String(frame.payload.rtc_id)} ${peer_id}`)
    const what = `${peer_id} got ${frame.type} of ${String(frame.payload.rtc_id)} from ${frame.from}, which ${fault}`
    return fault === undefined ? [] : [{ invariant: 'signalsStayInside', at, what }]
  })
}

/** Whom each offer was given to, by its id. */
function calleesOf(entries: Evidence['entries'], sessionOf: Evidence['sessionOf']): Map<string, Set<string>> {
  const rung = new Map<string, Set<string>>()
  for (const entry of entries) {
    if (entry.kind !== 'hand' || entry.frame.type !== 'rtc.offer') continue
    const { id } = entry.frame
    rung.set(id, (rung.get(id) ?? new Set()).add(sessionOf.get(entry.conn)?.peer_id ?? ''))
  }
  return rung
}

/**
 * Candidates arrive in the order in which they were sent and without a gap, as far as they arrive, whichever sockets they
 * took on either side.
 */
export const candidatesAreInOrder: Invariant = (evidence) => {
  const candidates = candidatesTaken(evidence)
  return evidence.sessions.flatMap((session) => compare(session, candidates, evidence.signalLife))
}

/** A candidate that a node took. One that was refused, or may have been with nobody left to hear it, or that waited too long, need not arrive. */
interface Taken {
  readonly id: string
  readonly at: number
  readonly isRefused: boolean
  /** Since when nobody is there to be told that it was refused. */
  readonly unheardFrom: number
  /** Whether its sender had offered more than once by then. */
  readonly isLater: boolean
}

function compare(session: SessionView, candidates: ReadonlyMap<string, Taken[]>, life: number): Violation[] {
  const violations: Violation[] = []
  const places = new Map<string, number>()
  for (const { frame, at } of receivedBy(session)) {
    const name = nameOf(frame)
    if (name === undefined) continue
    const key = `${String(frame.payload.rtc_id)} ${frame.from}`
    const sent = candidates.get(key) ?? []
    // An offer that crosses the end of its session opens another, which need not have heard the candidates before it.
    const start = sent.findIndex(({ id, isLater }) => isLater && id === frame.id)
    let place = places.get(key) ?? Math.max(0, start)
    const isMissable = ({ id, isRefused, unheardFrom, at: since }: Taken) =>
      id !== frame.id && (isRefused || at >= unheardFrom || at - since >= life)
    for (let next = sent[place]; next && isMissable(next); next = sent[place]) place++
    const what = `${session.peer_id} got ${name} of ${key} out of place`
    if (sent[place]?.id !== frame.id) violations.push({ invariant: 'candidatesAreInOrder', at, what })
    places.set(key, place + 1)
  }
  return violations
}

/** The candidates of each peer and session that a node took while the connection stood, in order. */
function candidatesTaken({ entries, sessionOf }: Evidence): Map<string, Taken[]> {
  const refused = new Set<string>()
  for (const entry of entries) {
    if (entry.kind === 'hand' && entry.frame.code !== undefined) refused.add(entry.frame.reply_to ?? '')
  }
  const closed = new Set<number>()
  const taken = new Map<string, Taken[]>()
  const offers = new Map<string, number>()
  for (const entry of entries) {
    if (entry.kind === 'close' || entry.kind === 'gone') closed.add(entry.conn)
    if (entry.kind !== 'take' || closed.has(entry.conn) || !entry.frame.type.startsWith('rtc.')) continue
    const { id, payload, type } = entry.frame
    const session = sessionOf.get(entry.conn)
    const key = `${String(payload.rtc_id)} ${session?.peer_id}`
    if (type === 'rtc.offer') offers.set(key, (offers.get(key) ?? 0) + 1)
    if (nameOf(entry.frame) === undefined) continue
    const isLater = (offers.get(key) ?? 0) > 1
    const unheardFrom = session?.lostAt ?? Infinity
    const candidate = { id, at: entry.at, isRefused: refused.has(id), unheardFrom, isLater }
    const before = taken.get(key) ?? []
    // What had been on its way to another node when its socket was lost is sent again over the next one.
    if (!before.some((one) => one.id === id)) taken.set(key, [...before, candidate])
  }
  return taken
}

function nameOf({ type, payload }: Wire): string | undefined {
  if (type !== 'rtc.ice' || payload.candidate === null) return undefined
  return (payload.candidate as { candidate: string }).candidate
}
