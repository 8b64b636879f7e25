import type { Call, LiveRoom, Outbound, Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { CapabilityClaims } from '../tokens/capability.ts'
import type { Verified } from '../tokens/jws.ts'

/** One end of a signaling session. */
export interface Side {
  readonly peer: Peer
  /** Candidates sent in this generation. */
  candidates: number
  /** Whether an offer of this end waits for its answer. */
  offered: boolean
}

/** A peer that rings: one of those that the caller's address meant. */
export interface Fork extends Side {
  /** Its candidates, written and held back until it has answered. */
  readonly withheld: Outbound[]
}

/**
 * A signaling session, pure state: who may say what next, and whom it is for. It rings at one or more forks until one
 * answers; from then on it is open between two peers until either says bye.
 */
export interface Signaling {
  readonly rtc_id: string
  readonly room: LiveRoom
  readonly purpose: string
  /** Whether the room has let its peers meet through relays only all along, so that no address of theirs has been shown. */
  relayOnly: boolean
  /** The token of the caller's latest offer. */
  by: Pick<Verified<CapabilityClaims>, 'kid' | 'host'>
  /** When the caller asked for it, monotonic. */
  readonly asked_at: number
  /** What the caller addressed: a peer, device or user. */
  readonly to: string
  readonly caller: Side
  /** Those still ringing; empty once somebody answered. */
  readonly forks: Map<string, Fork>
  /** The one that answered. */
  callee: Side | undefined
  /** Takes back the timer that ends the ringing. */
  stopRinging: () => void
}

/** @see Signaling */
export function createSignaling(
  init: Pick<Signaling, 'rtc_id' | 'room' | 'purpose' | 'by' | 'asked_at' | 'to'> & {
    caller: Peer
    callees: readonly Peer[]
  },
): Signaling {
  const { rtc_id, room, purpose, by, asked_at, to, caller, callees } = init
  return {
    rtc_id,
    room,
    purpose,
    relayOnly: room.policy.relay_only === true,
    by,
    asked_at,
    to,
    caller: { peer: caller, candidates: 0, offered: true },
    forks: new Map(callees.map((peer) => [peer.peer_id, { peer, candidates: 0, offered: false, withheld: [] }])),
    callee: undefined,
    stopRinging: () => {},
  }
}

/** The end of a session that a peer is, or undefined when it has no part in it. */
export function sideOf(session: Signaling, peer: Peer): Side | Fork | undefined {
  if (session.caller.peer === peer) return session.caller
  return session.callee?.peer === peer ? session.callee : session.forks.get(peer.peer_id)
}

/** Whether this end rings and has not answered. */
export function isRinging(session: Signaling, side: Side): side is Fork {
  return session.forks.get(side.peer.peer_id) === side
}

/** Whom this end's signals are for. */
export function othersOf(session: Signaling, side: Side): Peer[] {
  if (side !== session.caller) return [session.caller.peer]
  return session.callee ? [session.callee.peer] : [...session.forks.values()].map((fork) => fork.peer)
}

/** Everybody who has part in a session. */
export function partiesOf(session: Signaling): Peer[] {
  return [session.caller.peer, ...othersOf(session, session.caller)]
}

/** Whether `to` is a way to address the other end. */
export function isAddressedTo(session: Signaling, side: Side, to: string): boolean {
  if (side !== session.caller) return to === session.caller.peer.peer_id
  return to === session.to || to === session.callee?.peer.peer_id || session.forks.has(to)
}

/** A renewed offer: a new generation of candidates begins. @throws MeshError CONFLICT where this end may not offer now */
export function reoffer(session: Signaling, side: Side): void {
  if (isRinging(session, side)) throw new MeshError('CONFLICT', undefined, { reason: 'not_answered' })
  side.offered = true
  for (const end of [session.caller, session.callee, ...session.forks.values()]) if (end) end.candidates = 0
}

/**
 * An answer. The first one of a ringing session opens it and returns the forks that lost. In glare the polite end
 * takes its own offer back by answering (perfect negotiation), so an answer settles both.
 * @throws MeshError CONFLICT when there is no offer to answer
 */
export function answer(session: Signaling, side: Side): Peer[] {
  const other = side === session.caller ? session.callee : session.caller
  if (!other?.offered) throw new MeshError('CONFLICT', undefined, { reason: 'no_offer' })
  other.offered = false
  side.offered = false
  if (!isRinging(session, side)) return []
  session.stopRinging()
  session.callee = side
  session.forks.delete(side.peer.peer_id)
  const lost = [...session.forks.values()].map((fork) => fork.peer)
  session.forks.clear()
  return lost
}

/** A signal as its handler receives it. */
export type Signal = Call<'rtc.offer' | 'rtc.answer' | 'rtc.ice' | 'rtc.bye'>
