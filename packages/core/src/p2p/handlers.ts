import type { Call, Engine, LeaveCause, Occupant, OpenArea, Peer } from '../context.ts'
import { MeshError, type ErrorDetails } from '../errors.ts'
import type { ServerPayload } from '../protocol.ts'
import type { CapabilityClaims } from '../tokens/capability.ts'
import type { Verified } from '../tokens/jws.ts'
import type { Keyring } from '../tokens/keyring.ts'
import type { p2pClientEvents } from './events.ts'
import { createRegister } from './register.ts'
import {
  allowanceOf,
  createP2pSession,
  graceMs,
  isExcessive,
  lower,
  otherOf,
  refusalOfAny,
  requireAddresses,
  sign,
  viewOf,
  type End,
  type P2pSession,
} from './session.ts'

type Closed = ServerPayload<'p2p.session.closed'>

/** Sessions between agents: introduces two ends that a capability allows to meet, and parts them when it no longer does. */
export function createP2p(engine: Engine, keys: Keyring): OpenArea<keyof typeof p2pClientEvents> {
  const { clock, ids, limits } = engine
  const sessions = createRegister(engine)

  /** A session that a peer has part in; to others it does not exist. */
  function partOf(peer: Peer, session_id: string): P2pSession {
    const session = sessions.find(session_id)
    if (!session || (peer !== session.target && peer !== session.requester.peer)) throw new MeshError('NOT_FOUND')
    return session
  }

  /**
   * What is opened here goes on for a minute where no server can stop it, so what is stored decides and not what was heard.
   * @throws MeshError UNAVAILABLE where the storage cannot say
   */
  const affirm = (peer: Peer): Promise<void> => engine.refresh(peer)

  /** A session that a peer was asked for. @throws MeshError NOT_FOUND, CONFLICT when it has answered already */
  function askedOf(peer: Peer, session_id: string): P2pSession {
    const session = partOf(peer, session_id)
    if (peer !== session.target) throw new MeshError('NOT_FOUND')
    if (session.acceptor) throw new MeshError('CONFLICT', undefined, { reason: 'answered' })
    return session
  }

  /**
   * Ends a session and tells both ends, but for the peer `except`, which knows. A requester that waits for its answer
   * gets that in any case: the session was denied, and why.
   */
  function end(session: P2pSession, closed: Omit<Closed, 'session_id'>, why: ErrorDetails, except?: Peer): void {
    // Telling one end may end another's connection, which may have ended this session already.
    if (!sessions.remove(session)) return
    session.stopTimer()
    if (!session.isOpen) engine.countSession('quic', String(why.reason), session.asked_at)
    const { session_id, requester, target, call } = session
    for (const peer of [requester.peer, target]) {
      if (peer === requester.peer && !session.isOpen) peer.fail(denied(why), call.id)
      else if (peer !== except) engine.tell(peer, 'p2p.session.closed', { session_id, ...closed })
    }
  }

  function request(
    call: Call<'p2p.session.request'>,
    occupant: Occupant,
    target: Peer,
    claims: Verified<CapabilityClaims>,
  ): void {
    const { payload, peer } = call
    const { max_size } = allowanceOf(claims, occupant.room)
    const reason =
      refusalOfAny(payload.candidates, occupant.room) ??
      (isMedia(payload.purpose) ? 'purpose' : undefined) ??
      ((payload.params?.size ?? 0) > max_size ? 'max_size' : undefined) ??
      (sessions.countOpenedBy(peer) >= limits.p2p_sessions ? 'quota' : undefined)
    if (reason) throw denied({ reason })
    const session = createP2pSession(ids.id('p2p'), call, occupant, target, claims, clock.monotonic())
    sessions.add(session)
    session.stopTimer = clock.after(limits.p2p_answer_ms, () =>
      end(session, { reason: 'expired' }, { reason: 'timeout' }),
    )
    const { cap_token: _, ...asked } = payload
    const { session_id, allowance, room } = session
    engine.tell(target, 'p2p.session.request', { session_id, ...asked, ...allowance }, { from: peer.peer_id, room })
  }

  /** Signs a token for a session; whatever is not renewed before it expires ends. @throws MeshError NOT_FOUND */
  async function extend(session: P2pSession, acceptor: End): Promise<ServerPayload<'p2p.session.renewed'>> {
    const { session_id, allowance } = session
    const { token, exp } = sign(session, acceptor, engine, keys)
    const session_token = await token
    // It may have ended while its token was being signed.
    if (sessions.find(session_id) !== session) throw new MeshError('NOT_FOUND')
    // And it may allow less by now, if another renewal has overtaken this one: what follows that must not say more.
    if (session.allowance !== allowance) return extend(session, acceptor)
    session.stopTimer()
    session.stopTimer = clock.after(exp * 1000 + graceMs - clock.now(), () =>
      end(session, { reason: 'expired' }, { reason: 'expired' }),
    )
    return { session_id, session_token, expires_at: engine.toInstant(exp * 1000) }
  }

  /** The end of a session by one of its peers, which has it as the answer. */
  function hangUp(session: P2pSession, peer: Peer, closed: Omit<Closed, 'session_id'>, why: ErrorDetails): Closed {
    end(session, closed, why, peer)
    return { session_id: session.session_id, ...closed }
  }

  return {
    handlers: {
      async 'p2p.session.request'(call) {
        const { peer, to, payload } = call
        requireAddresses(payload.candidates)
        // The first time is still waiting for its answer, which will be this one's as well.
        if (sessions.isAsked(call)) return engine.answered
        const { room_id, purpose, cap_token } = payload
        const token = cap_token === undefined ? undefined : await engine.verifyCapability(cap_token)
        await affirm(peer)
        const occupant = peer.rooms.get(room_id)
        if (!occupant) return engine.notInRoom(room_id)
        const claims = engine.checkCapability(occupant, token, { cap: purpose, to, presented: cap_token !== undefined })
        // Of a device the newest: an older connection may be half dead, and the agent long back with another.
        const target = engine.targetsOf(occupant, to).at(-1)
        if (!target) throw new MeshError('UNROUTABLE')
        request(call, occupant, target, claims)
        return engine.answered
      },

      async 'p2p.session.accept'({ peer, answer, payload: { session_id, candidates, fingerprint } }) {
        requireAddresses(candidates)
        const session = askedOf(peer, session_id)
        const reason = refusalOfAny(candidates, session.room)
        if (reason) throw denied({ reason })
        const acceptor: End = { peer, candidates, fingerprint }
        // From here on nobody else can answer, and the time to do so no longer runs.
        session.acceptor = acceptor
        session.stopTimer()
        const signed = await extend(session, acceptor).catch((error: unknown) => {
          end(session, { reason: 'failed' }, { reason: 'failed' }, peer)
          throw error
        })
        session.isOpen = true
        engine.countSession('quic', 'opened', session.asked_at)
        // A token that still waits for its receiver is not for somebody who is removed meanwhile.
        session.call.answer({ ...signed, role: 'requester', peer: viewOf(acceptor) }, session.room)
        answer({ ...signed, role: 'acceptor', peer: viewOf(session.requester) }, session.room)
        return engine.answered
      },

      'p2p.session.reject'({ peer, payload: { session_id, reason } }) {
        const session = askedOf(peer, session_id)
        return hangUp(session, peer, { reason: 'cancelled' }, { reason: 'rejected', rejection: reason })
      },

      async 'p2p.session.renew'({ peer, answer, payload: { session_id, cap_token } }) {
        const token = cap_token === undefined ? undefined : await engine.verifyCapability(cap_token)
        await affirm(peer)
        const session = partOf(peer, session_id)
        const { room, purpose, acceptor } = session
        const occupant = peer.rooms.get(room.room_id)
        if (!occupant) return engine.notInRoom(room.room_id)
        const other = otherOf(session, peer)
        const claims = engine.checkCapability(occupant, token, {
          cap: purpose,
          to: other.peer_id,
          presented: cap_token !== undefined,
        })
        // While the first token is being signed nobody has been told of the session: it cannot go on before it is there.
        if (!acceptor || !session.isOpen) throw new MeshError('CONFLICT', undefined, { reason: 'not_answered' })
        lower(session, claims)
        const renewed = await extend(session, acceptor)
        session.kid = claims.kid
        if (peer === session.requester.peer) session.byHost = claims.host === true
        engine.tell(other, 'p2p.session.renewed', renewed, { room })
        answer(renewed, room)
        return engine.answered
      },

      'p2p.session.closed'({ peer, payload: { session_id, ...closed } }) {
        const session = partOf(peer, session_id)
        if (closed.reason === 'completed' && session.isOpen) {
          const { requester, target, purpose, room, call } = session
          const name = call.payload.params?.name
          const share = { from: requester.peer, to: target, purpose, name, bytes: closed.bytes }
          engine.noteShare(room.room_id, share)
        }
        return hangUp(session, peer, closed, { reason: 'rejected' })
      },
    },

    left({ peer, room }, cause) {
      for (const session of sessions.of(peer, room)) {
        const reason = closedBy(cause, session)
        end(session, { reason }, { reason: reason === 'revoked' ? reason : 'left' }, peer)
      }
    },

    restricted({ peer, room, role }, cause) {
      for (const session of sessions.of(peer, room)) {
        const { requester, acceptor, purpose, call } = session
        const holder = { user_id: peer.user_id, role, policy: room.policy, target: call.to }
        const isForbidden =
          (peer === requester.peer && !session.byHost && !engine.mayHold(purpose, holder)) ||
          isExcessive(session) ||
          refusalOfAny([...requester.candidates, ...(acceptor?.candidates ?? [])], room) !== undefined
        if (cause === 'role' || isForbidden) end(session, { reason: 'revoked' }, { reason: 'revoked' })
      }
    },

    open: () => sessions.all().length,

    keyRevoked(kid) {
      for (const session of sessions.all()) {
        if (session.kid === kid) end(session, { reason: 'revoked' }, { reason: 'revoked' })
      }
    },
  }
}

/** What the end that stays hears when the other one goes. */
function closedBy(cause: LeaveCause, { isOpen }: P2pSession): Closed['reason'] {
  if (cause === 'left' || (cause === 'disconnected' && !isOpen)) return 'cancelled'
  return cause === 'disconnected' ? 'failed' : 'revoked'
}

const denied = (details: ErrorDetails) => new MeshError('P2P_SESSION_DENIED', undefined, details)

/** Sound and picture go over WebRTC, which knows them; an agent has nothing to hold them with. */
const isMedia = (purpose: string) => purpose === 'call' || purpose === 'screen'
