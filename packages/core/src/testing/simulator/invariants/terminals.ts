import type { RoomEvent } from '../../../ports/index.ts'
import { receivedBy, type Invariant, type Violation } from './evidence.ts'

/** At most one peer ever controls a terminal under one fence, and fences only rise, whatever node granted them. */
export const fencesRise: Invariant = ({ entries }) => {
  const latest = new Map<string, number>()
  const holders = new Map<string, unknown>()
  return entries.flatMap((entry): Violation[] => {
    const isGrant = (type: string) => type === 'terminal.control.granted'
    if (entry.kind === 'commit' && isGrant(entry.event.type)) {
      const { terminal_id, fence } = entry.event.payload as { terminal_id: string; fence: number }
      const before = latest.get(terminal_id) ?? 0
      latest.set(terminal_id, fence)
      const what = `${terminal_id} was granted with fence ${fence} after ${before}`
      return fence > before ? [] : [{ invariant: 'fencesRise', at: entry.at, what }]
    }
    if (entry.kind !== 'hand' || !isGrant(entry.frame.type)) return []
    const { terminal_id, fence, peer_id } = entry.frame.payload
    const key = `${String(terminal_id)} ${String(fence)}`
    const holder = holders.get(key) ?? peer_id
    holders.set(key, holder)
    const what = `${key} is held by ${String(holder)} and ${String(peer_id)}`
    return holder === peer_id ? [] : [{ invariant: 'fencesRise', at: entry.at, what }]
  })
}

/**
 * Control that somebody has, by the clock of the node that grants it, goes to another only when it was released before, or
 * when the host takes it by force.
 */
export const heldIsNotGranted: Invariant = ({ entries }) => {
  const grants = new Map<string, { event: RoomEvent; isReleased: boolean }>()
  const byForce = new Set<string>()
  const keyOf = ({ terminal_id, fence }: RoomEvent['payload'], back = 0) =>
    `${String(terminal_id)} ${Number(fence) - back}`
  return entries.flatMap((entry) => {
    if (entry.kind === 'take' && entry.frame.payload.force === true) byForce.add(entry.frame.id)
    if (entry.kind === 'commit' && entry.event.type === 'terminal.control.granted') {
      grants.set(keyOf(entry.event.payload), { event: entry.event, isReleased: false })
    } else if (entry.kind === 'commit' && entry.event.type === 'terminal.control.released') {
      const grant = grants.get(keyOf(entry.event.payload))
      if (grant && !grants.has(keyOf(entry.event.payload, -1))) grant.isReleased = true
    }
    if (entry.kind !== 'hand' || entry.frame.type !== 'terminal.control.granted') return []
    const { payload, reply_to } = entry.frame
    const [before, grant] = [grants.get(keyOf(payload, 1)), grants.get(keyOf(payload))]
    if (!before || !grant || reply_to === undefined || payload.seq === undefined || byForce.has(reply_to)) return []
    const { peer_id, expires_at } = before.event.payload
    const isHeld = !before.isReleased && peer_id !== payload.peer_id && grant.event.at < Date.parse(String(expires_at))
    const what = `${keyOf(payload)} was granted to ${String(payload.peer_id)} while ${String(peer_id)} had it`
    return isHeld ? [{ invariant: 'heldIsNotGranted', at: entry.at, what }] : []
  })
}

/** Control is granted only to somebody who is a member where the grant stands in the log. */
export const onlyMembersControl: Invariant = ({ rooms, sessions, entries }) => {
  const at = entries.at(-1)?.at ?? 0
  const userOf = new Map(sessions.map(({ peer_id, user_id }) => [peer_id, user_id]))
  return [...rooms].flatMap(([room_id, { events }]) => {
    const members = new Set<unknown>()
    return events.flatMap((event) => {
      follow(members, event)
      const user_id = userOf.get(String(event.payload.peer_id))
      const isFine = event.type !== 'terminal.control.granted' || user_id === undefined || members.has(user_id)
      const what = `${room_id} seq ${event.seq} grants control to ${user_id}, who is no member`
      return isFine ? [] : [{ invariant: 'onlyMembersControl', at, what }]
    })
  })
}

/** Keeps a set of members up to date with the log of their room. */
export function follow(members: Set<unknown>, { type, payload }: RoomEvent): void {
  if (type === 'room.created' || type === 'room.member.added') members.add(payload.user_id)
  else if (type === 'room.member.removed') members.delete(payload.user_id)
}

/** To the holder a grant does not go on after its end, or after a later grant. */
export const endedIsNotRenewed: Invariant = ({ sessions }) =>
  sessions.flatMap((session) => {
    const ended = new Map<string, number>()
    return receivedBy(session).flatMap(({ frame, at }) => {
      if (!frame.type.startsWith('terminal.control.')) return []
      const { terminal_id, fence, seq } = frame.payload as { terminal_id: string; fence: number; seq?: number }
      const over = ended.get(terminal_id) ?? 0
      ended.set(terminal_id, Math.max(over, frame.type === 'terminal.control.released' ? fence : fence - 1))
      // Durable grants are told in their order, also to whoever has just heard of a later one in a snapshot.
      const isLate = frame.type === 'terminal.control.granted' && seq === undefined && fence <= over
      const what = `${session.peer_id} was told that fence ${fence} of ${terminal_id} goes on after it had ended`
      return isLate ? [{ invariant: 'endedIsNotRenewed', at, what }] : []
    })
  })
