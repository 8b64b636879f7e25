import type { Call, Engine, Occupant, OpenArea, Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { ServerPayload } from '../protocol.ts'
import type { CapabilityClaims } from '../tokens/capability.ts'
import type { Verified } from '../tokens/jws.ts'
import type { rtcClientEvents } from './events.ts'
import { createMissedCalls } from './missed.ts'
import { createRegister } from './register.ts'
import { faultOf, isRelayed, isRelayedOnly } from './sdp.ts'
import {
  answer,
  createSignaling,
  isAddressedTo,
  isRinging,
  othersOf,
  partiesOf,
  reoffer,
  sideOf,
  type Side,
  type Signal,
  type Signaling,
} from './signaling.ts'

type ByeReason = ServerPayload<'rtc.bye'>['reason']

/** WebRTC signaling: each signal is for the other end of a session that a capability opened, and for nobody else. */
export function createRtc(engine: Engine): OpenArea<keyof typeof rtcClientEvents> {
  const { clock, limits } = engine
  const sessions = createRegister(engine)
  const missed = createMissedCalls(engine)

  /** The session and the end of it that a peer is; to others it does not exist. */
  function partOf(peer: Peer, call: Signal): { session: Signaling; side: Side } {
    const session = sessions.find(call.payload.rtc_id)
    const side = session && sideOf(session, peer)
    if (!session || !side) throw new MeshError('NOT_FOUND')
    if (!isAddressedTo(session, side, call.to)) throw new MeshError('UNROUTABLE')
    return { session, side }
  }

  function end(session: Signaling, reason: ByeReason): void {
    if (!session.callee) engine.countSession('webrtc', reason, session.asked_at)
    session.stopRinging()
    sessions.remove(session)
  }

  function sayBye(session: Signaling, peers: Iterable<Peer>, reason: ByeReason): void {
    for (const peer of peers) engine.tell(peer, 'rtc.bye', { rtc_id: session.rtc_id, reason })
  }

  /** The server ends a session, for all but the peers that are not to hear of it. */
  function abort(session: Signaling, reason: ByeReason, except?: Peer): void {
    // Telling one party may end another's connection, which may have ended this session already.
    if (sessions.find(session.rtc_id) !== session) return
    const peers = partiesOf(session).filter((peer) => peer !== except)
    if (!session.callee) missed.note(session)
    end(session, reason)
    sayBye(session, peers, reason)
  }

  function offer(call: Call<'rtc.offer'>, token: Verified<CapabilityClaims> | undefined): void | Promise<void> {
    const { peer, payload, to } = call
    const { rtc_id, room_id, purpose, cap_token, sdp } = payload
    const occupant = peer.rooms.get(room_id)
    if (!occupant) return engine.notInRoom(room_id)
    const by = engine.checkCapability(occupant, token, { cap: purpose, to, presented: cap_token !== undefined })
    const session = sessions.find(rtc_id)
    const relayed = { rtc_id, room_id, purpose, sdp }
    if (session) return renegotiate(call, occupant, relayed, by)
    const callees = engine.targetsOf(occupant, to)
    if (callees.length === 0) {
      missed.noteOffline(occupant, to, purpose)
      throw new MeshError('UNROUTABLE')
    }
    if (occupant.room.policy.relay_only) requireRelays(isRelayedOnly(sdp))
    if (sessions.countOpenedBy(peer) >= limits.rtc_sessions) throw new MeshError('RATE_LIMITED')
    const asked_at = clock.monotonic()
    const opened = createSignaling({ rtc_id, room: occupant.room, purpose, by, asked_at, to, caller: peer, callees })
    opened.stopRinging = clock.after(limits.ring_ms, () => abort(opened, 'timeout'))
    sessions.add(opened)
    engine.deliver(engine.signal(call, relayed, occupant.room), callees)
  }

  function renegotiate(
    call: Call<'rtc.offer'>,
    occupant: Occupant,
    relayed: ServerPayload<'rtc.offer'>,
    by: Signaling['by'],
  ): void {
    const { session, side } = partOf(call.peer, call)
    if (session.room !== occupant.room || session.purpose !== call.payload.purpose) {
      throw new MeshError('CONFLICT', undefined, { reason: 'purpose_is_fixed' })
    }
    if (session.room.policy.relay_only) requireRelays(isRelayedOnly(relayed.sdp))
    reoffer(session, side)
    // What the callee shows vouches for the callee alone.
    if (side === session.caller) session.by = by
    engine.deliver(engine.signal(call, relayed, session.room), othersOf(session, side))
  }

  function requireSdp(sdp: string, purpose: string): void {
    const reason = faultOf(sdp, purpose)
    if (reason) throw new MeshError('BAD_MESSAGE', undefined, { reason, path: 'sdp' })
  }

  /** In some rooms peers meet through relays only. */
  function requireRelays(isRelayed: boolean): void {
    if (!isRelayed) throw new MeshError('P2P_SESSION_DENIED', undefined, { reason: 'relay_only' })
  }

  return {
    handlers: {
      'rtc.offer'(call) {
        requireSdp(call.payload.sdp, call.payload.purpose)
        const { cap_token } = call.payload
        const claims = cap_token === undefined ? undefined : engine.verifyCapability(cap_token)
        // A token seen before is judged without waiting, and so the relay of its offer keeps no frame behind it.
        return claims instanceof Promise ? claims.then((verified) => offer(call, verified)) : offer(call, claims)
      },

      'rtc.answer'(call) {
        const { session, side } = partOf(call.peer, call)
        requireSdp(call.payload.sdp, session.purpose)
        if (session.room.policy.relay_only) requireRelays(isRelayedOnly(call.payload.sdp))
        const rang = isRinging(session, side)
        const withheld = rang ? side.withheld : []
        const lost = answer(session, side)
        if (rang) engine.countSession('webrtc', 'opened', session.asked_at)
        const others = othersOf(session, side)
        engine.deliver(engine.signal(call, call.payload, session.room), others)
        for (const frame of withheld) engine.deliver(frame, others)
        for (const peer of lost) sessions.part(session, peer)
        sayBye(session, lost, 'answered_elsewhere')
      },

      'rtc.ice'(call) {
        const { session, side } = partOf(call.peer, call)
        if (session.room.policy.relay_only) requireRelays(isRelayed(call.payload.candidate?.candidate ?? ''))
        if (call.payload.candidate && ++side.candidates > limits.candidates) {
          throw new MeshError('RATE_LIMITED', 'Too many candidates', { retryable: false })
        }
        if (isRinging(session, side)) {
          side.withheld.push(engine.signal(call, call.payload, session.room))
          // A renewed offer begins another generation: what came before it is the first to be of no use.
          if (side.withheld.length > limits.candidates + 1) side.withheld.shift()
        } else engine.deliver(engine.signal(call, call.payload, session.room), othersOf(session, side))
      },

      'rtc.bye'(call) {
        const { session, side } = partOf(call.peer, call)
        if (isRinging(session, side)) {
          session.forks.delete(side.peer.peer_id)
          sessions.part(session, side.peer)
          // Another peer of the called user may still take the call.
          if (session.forks.size > 0) return
        } else if (!session.callee) missed.note(session)
        const { caller, callee, purpose, room } = session
        if (call.payload.reason === 'completed' && callee) {
          engine.noteShare(room.room_id, { from: caller.peer, to: callee.peer, purpose })
        }
        const others = side === caller ? othersOf(session, side) : [caller.peer]
        end(session, call.payload.reason)
        engine.deliver(engine.signal(call, call.payload, session.room), others)
      },
    },

    left({ peer, room }, cause) {
      for (const session of sessions.of(peer, room)) {
        const side = sideOf(session, peer)
        if (side && isRinging(session, side) && session.forks.size > 1) {
          session.forks.delete(peer.peer_id)
          sessions.part(session, peer)
        } else abort(session, byeFor[cause], peer)
      }
    },

    restricted({ peer, room, role }, cause) {
      const { user_id } = peer
      for (const session of sessions.of(peer, room)) {
        // What the host application allowed beyond the rules no policy takes back: it is asked again for the next token.
        const holder = { user_id, role, policy: room.policy, target: session.to }
        if (!room.policy.relay_only) session.relayOnly = false
        const forbidden =
          (session.caller.peer === peer && !session.by.host && !engine.mayHold(session.purpose, holder)) ||
          // What was shown cannot be taken back, but the direct path that it opened is not to go on.
          (room.policy.relay_only && !session.relayOnly)
        if (cause === 'role' || forbidden) abort(session, 'revoked')
      }
    },

    open: () => sessions.all().length,

    keyRevoked(kid) {
      for (const session of sessions.all()) if (session.by.kid === kid) abort(session, 'revoked')
    },
  }
}

const byeFor = {
  left: 'hangup',
  removed: 'revoked',
  deleted: 'revoked',
  disconnected: 'failed',
  revoked: 'revoked',
} as const
