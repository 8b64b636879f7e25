import { base64url } from 'jose'
import { leewayS } from '../../../tokens/access.ts'
import type { CapabilityClaims } from '../../../tokens/capability.ts'
import type { EntryOf, Wire } from '../history.ts'
import type { Evidence, Invariant, SessionView, Violation } from './evidence.ts'

/**
 * Nothing that needs a capability comes about without one of its sender: a token that was granted to it, is for this
 * purpose, room and target, had not expired by the clock of the node that judges, and is no older than any change to the sender's
 * membership or the room's policy that its node had been given before it took the request. That goes for every offer that is
 * passed on, and for every session between agents and control of a terminal that is granted or renewed.
 */
export const usesAreCovered: Invariant = (evidence) => {
  const { entries, sessionOf } = evidence
  const taken = new Map<string, EntryOf<'take'>>()
  const granted = new Map<string, string>()
  const judged = new Set<string>()

  function judge(result: EntryOf<'hand'>, request: string): Violation[] {
    const { frame, at } = result
    const take = taken.get(request)
    // A renewal or grant without one of these requests behind it is an answer to something else.
    if (judged.has(request) || (!take && frame.type !== 'rtc.offer')) return []
    judged.add(request)
    const fault = faultOf(result, take, granted, evidence)
    return fault === undefined ? [] : [{ invariant: 'usesAreCovered', at, what: `${frame.type} ${request}: ${fault}` }]
  }

  return entries.flatMap((entry) => {
    if (entry.kind === 'take' && purposeOf(entry.frame) !== undefined && !taken.has(entry.frame.id)) {
      taken.set(entry.frame.id, entry)
    }
    if (entry.kind !== 'hand') return []
    const { frame, conn } = entry
    const peer_id = sessionOf.get(conn)?.peer_id
    if (frame.type === 'capability.granted' && peer_id !== undefined) granted.set(String(frame.payload.token), peer_id)
    if (frame.type === 'rtc.offer') return judge(entry, frame.id)
    return results.has(frame.type) && frame.reply_to !== undefined ? judge(entry, frame.reply_to) : []
  })
}

const restrictions = new Set(['room.member.updated', 'room.member.removed'])
const results = new Set(['terminal.control.granted', 'p2p.session.created', 'p2p.session.renewed'])

/** What a request needs a capability for, if it does; `any` where only its session knows. */
function purposeOf({ type, payload }: Wire): string | undefined {
  if (type === 'rtc.offer' || type === 'p2p.session.request') return String(payload.purpose)
  if (type === 'terminal.control.take' || type === 'terminal.control.renew') return 'terminal:control'
  return type === 'p2p.session.renew' ? 'any' : undefined
}

function faultOf(
  handed: EntryOf<'hand'>,
  take: EntryOf<'take'> | undefined,
  granted: ReadonlyMap<string, string>,
  evidence: Evidence,
): string | undefined {
  const { entries, sessionOf } = evidence
  const { frame: result, at } = handed
  const sender = take && sessionOf.get(take.conn)
  if (!take || !sender) return 'nobody sent it'
  if (result.type === 'rtc.offer' && sender.peer_id !== result.from) return `it is said to be from ${result.from}`
  const { frame } = take
  const token = String(frame.payload.cap_token)
  if (granted.get(token) !== sender.peer_id) return 'its token was not granted to its sender'
  const claims = claimsOf(token)
  const room_id = frame.payload.room_id ?? claims.room_id
  const purpose = purposeOf(frame)
  if (claims.room_id !== room_id) return 'its token is for another room'
  if (result.to.startsWith('room_') && result.to !== room_id) return 'its token is for another room than it is told in'
  if (purpose !== 'any' && !claims.caps.includes(purpose ?? '')) return 'its token is for another purpose'
  const isElsewhere = frame.to !== 'server' && claims.target_peer_id !== undefined && claims.target_peer_id !== frame.to
  if (isElsewhere) return 'its token is for another target'
  const judges = judgesOf(handed, take, sender, evidence)
  const readings = judges.map((node) => earliestOf(node, take.at, at, evidence))
  if (claims.exp + leewayS <= Math.min(...readings) / 1000) return 'its token had expired'
  const changes = judges.map((node) =>
    entries.find((entry) => {
      if (entry.kind !== 'learn' || entry.node !== node || entry.step >= take.step) return false
      const { type, seq, payload } = entry.event
      // That somebody was added says nothing against them, until the removal before it has been heard of.
      const isOfSender = restrictions.has(type) && payload.user_id === sender.user_id
      const isPolicy = type === 'room.updated' && payload.policy !== undefined
      return entry.event.room_id === room_id && (isOfSender || isPolicy) && seq > claims.mv
    }),
  )
  // Which of them has judged is not told: one that knew of nothing may have let it pass.
  const [change] = changes.every(Boolean) ? changes : []
  return change?.kind === 'learn' ? `its token is older than ${change.event.type} ${change.event.seq}` : undefined
}

/**
 * The nodes of which one has judged a request: where the sender's session lives, whichever node its socket is at. What the
 * other end says of a call or of a session between agents is judged where that lives, which is with who began it.
 */
function judgesOf(
  handed: EntryOf<'hand'>,
  { frame: { type, payload } }: EntryOf<'take'>,
  { node }: SessionView,
  { entries, sessions, sessionOf }: Evidence,
): string[] {
  const firstOf = (what: string, id: 'rtc_id' | 'session_id') =>
    entries
      .filter((entry) => entry.kind === 'hand')
      .find(({ frame }) => frame.type === what && frame.payload[id] === payload[id])
  if (type === 'rtc.offer') {
    // An id may be used again after the end of its call, by the other end as well.
    const other = firstOf(type, 'rtc_id') === handed ? undefined : sessionOf.get(handed.conn)
    return other ? [node, other.node] : [node]
  }
  if (type !== 'p2p.session.renew') return [node]
  const requester = firstOf('p2p.session.request', 'session_id')?.frame.from
  return [sessions.find(({ peer_id }) => peer_id === requester)?.node ?? node]
}

/** The earliest that the wall clock of a node said in a span of time: set back meanwhile, it makes a token good again. */
function earliestOf(node: string, from: number, until: number, { entries }: Evidence): number {
  const settings = entries.filter((entry) => entry.kind === 'clock').filter((entry) => entry.node === node)
  const before = settings.findLast(({ at }) => at < from)
  const within = settings.filter(({ at }) => at >= from && at <= until).map(({ now }) => now)
  return Math.min(before ? before.now + from - before.at : Infinity, ...within)
}

function claimsOf(token: string): CapabilityClaims {
  const bytes = base64url.decode(token.split('.')[1] ?? '')
  // Only tokens that the engine granted get here.
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as CapabilityClaims
}
