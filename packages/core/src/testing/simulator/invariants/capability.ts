import { base64url } from 'jose'
import type { CapabilityClaims } from '../../../tokens/capability.ts'
import { leewayS } from '../../../tokens/access.ts'
import type { EntryOf } from '../history.ts'
import type { Evidence, Invariant } from './evidence.ts'

/**
 * No offer is passed on without a capability of its sender that was granted to it, is for this purpose, room and target,
 * has not expired by the node's own clock, and is no older than any change to the sender's membership or the room's
 * policy that the node had been given when it took the offer.
 */
export const offersAreCovered: Invariant = (evidence) => {
  const { entries, sessionOf } = evidence
  const taken = new Map<string, EntryOf<'take'>>()
  const granted = new Map<string, string>()
  const judged = new Set<string>()
  return entries.flatMap((entry) => {
    if (entry.kind === 'take' && entry.frame.type === 'rtc.offer') taken.set(entry.frame.id, entry)
    if (entry.kind !== 'hand') return []
    const { frame, at, conn } = entry
    const peer_id = sessionOf.get(conn)?.peer_id
    if (frame.type === 'capability.granted' && peer_id !== undefined) granted.set(String(frame.payload.token), peer_id)
    if (frame.type !== 'rtc.offer' || judged.has(frame.id)) return []
    judged.add(frame.id)
    const fault = faultOf(frame.from, taken.get(frame.id), granted, evidence)
    return fault === undefined ? [] : [{ invariant: 'offersAreCovered', at, what: `offer ${frame.id}: ${fault}` }]
  })
}

function faultOf(
  from: string | undefined,
  take: EntryOf<'take'> | undefined,
  granted: ReadonlyMap<string, string>,
  { entries, sessionOf }: Evidence,
): string | undefined {
  const sender = take && sessionOf.get(take.conn)
  if (!take || !sender) return 'nobody sent it'
  if (sender.peer_id !== from) return `it is said to be from ${from}`
  const { cap_token, purpose, room_id } = take.frame.payload
  const token = String(cap_token)
  if (granted.get(token) !== from) return 'its token was not granted to its sender'
  const claims = claimsOf(token)
  if (claims.room_id !== room_id) return 'its token is for another room'
  if (!claims.caps.includes(String(purpose))) return 'its token is for another purpose'
  if (claims.target_peer_id !== undefined && claims.target_peer_id !== take.frame.to)
    return 'its token is for another target'
  if (claims.exp + leewayS <= take.now / 1000) return 'its token had expired'
  for (const entry of entries) {
    if (entry.step >= take.step) break
    if (entry.kind !== 'learn' || entry.node !== sender.node || entry.event.room_id !== room_id) continue
    const { type, seq, payload } = entry.event
    const isOfSender = type.startsWith('room.member.') && payload.user_id === sender.user_id
    const isPolicy = type === 'room.updated' && payload.policy !== undefined
    if ((isOfSender || isPolicy) && seq > claims.mv) return `its token is older than ${type} ${seq}`
  }
  return undefined
}

function claimsOf(token: string): CapabilityClaims {
  // Only tokens that the engine granted get here.
  return JSON.parse(
    new TextDecoder('utf-8', { fatal: true }).decode(base64url.decode(token.split('.')[1] ?? '')),
  ) as CapabilityClaims
}
