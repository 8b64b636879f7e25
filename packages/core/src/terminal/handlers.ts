import type { Engine, Occupant, OpenArea, Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { RoomEvent, Terminal, TerminalRefusal } from '../ports/index.ts'
import type { CapabilityClaims } from '../tokens/capability.ts'
import type { Verified } from '../tokens/jws.ts'
import { createEndings } from './endings.ts'
import type { terminalClientEvents } from './events.ts'
import { holderOf, isAlive } from './lease.ts'
import { describe, newTerminal } from './state.ts'
import { createWatch } from './watch.ts'

const cap = 'terminal:control'

/** Terminals: who shares one, and who controls it. The store arbitrates; the live state has the last word on who may. */
export function createTerminals(engine: Engine): OpenArea<keyof typeof terminalClientEvents> {
  const { storage, clock, leaseClock, limits, ids } = engine
  const endings = createEndings(engine)
  const watch = createWatch(engine, endings)

  /** A terminal in a room that this peer has joined; to others than members it does not exist. */
  async function locate(peer: Peer, terminal_id: string): Promise<Place> {
    const terminal = await storage.terminals.find(terminal_id)
    if (!terminal || !isAlive(terminal, leaseClock.now())) throw new MeshError('NOT_FOUND')
    const occupant = peer.rooms.get(terminal.room_id)
    if (occupant) return { peer, terminal, occupant }
    const isMember = await storage.rooms.member(terminal.room_id, peer.user_id)
    throw new MeshError(isMember ? 'ACCESS_DENIED' : 'NOT_FOUND')
  }

  const verify = async (cap_token: string | undefined): Promise<Presented> => ({
    presented: cap_token !== undefined,
    verified: cap_token === undefined ? undefined : await engine.verifyCapability(cap_token),
  })

  /** Judges a token for control of this terminal, now, and says how long a lease may last by it. */
  function judge({ peer, terminal, occupant }: Place, { presented, verified }: Presented) {
    if (peer.rooms.get(terminal.room_id) !== occupant) throw new MeshError('ACCESS_DENIED')
    const token = engine.checkCapability(occupant, verified, { cap, to: terminal.host_peer_id, presented })
    // Control is never had in general, always of one host.
    const target = token.target_peer_id ?? token.target_device_id
    if (target === undefined) throw new MeshError('CAP_INVALID')
    // Clocks may differ by the leeway of the check; a lease takes its end from the token to the letter.
    const wall = clock.now()
    const left = Math.min(limits.terminal_lease_ms, token.exp * 1000 - wall)
    if (left <= 0) throw new MeshError('CAP_EXPIRED')
    const now = leaseClock.now()
    // What is told comes from the same reading of the wall clock: from a later one it could be a millisecond past the token.
    const toldUntil = engine.toInstant(wall + left)
    return { now, expires_at: now + left, toldUntil, token: { kid: token.kid, target }, jti: token.jti }
  }

  function requireHost({ room_id, host_peer_id }: Terminal): void {
    const host = engine.rooms.get(room_id)?.occupants.get(host_peer_id)
    if (!host || host.peer.reconnecting) throw new MeshError('UNROUTABLE')
  }

  function refusal(refused: TerminalRefusal): MeshError {
    if (refused.outcome === 'conflict') return conflict(refused.terminal)
    return new MeshError(refused.outcome === 'denied' ? 'ACCESS_DENIED' : 'NOT_FOUND')
  }

  function conflict(terminal?: Terminal, reason?: string): MeshError {
    const holder = terminal && holderOf(terminal, leaseClock.now())
    return new MeshError('CONFLICT', undefined, {
      ...(reason === undefined ? {} : { reason }),
      ...(holder === undefined ? {} : { holder }),
    })
  }

  const told = (event: RoomEvent) => ({ answered: true, event }) as const

  return {
    handlers: {
      async 'terminal.share.start'({ peer, at, id, payload }) {
        if (watch.countOf(peer) >= limits.terminals_per_peer) {
          throw new MeshError('RATE_LIMITED', 'Too many open terminals', { retryable: false })
        }
        const by = { peer, reply_to: id }
        const terminal = newTerminal(peer, payload, ids.id('term'), leaseClock.now())
        const started = endings.newEvent('terminal.share.started', describe(terminal), by)
        const result = await storage.terminals.start(terminal, started)
        if (!('event' in result)) throw new MeshError(result.outcome === 'denied' ? 'ACCESS_DENIED' : 'ROOM_NOT_FOUND')
        const { event } = result
        if (watch.mayHost(at)) {
          engine.publish(event, by)
          return told(event)
        }
        engine.publish(event)
        watch.shut(terminal.terminal_id)
        throw new MeshError('ACCESS_DENIED')
      },

      async 'terminal.share.stop'({ peer, id, payload }) {
        const { terminal_id } = payload
        const { terminal, occupant } = await locate(peer, terminal_id)
        if (terminal.host_peer_id !== peer.peer_id && occupant.role !== 'owner') throw new MeshError('ACCESS_DENIED')
        const result = await endings.stop({ terminal_id, member: peer.user_id }, { peer, reply_to: id })
        if (result.outcome !== 'stopped') throw refusal(result)
        return told(result.stopped)
      },

      async 'terminal.control.take'({ peer, id, payload }) {
        const { terminal_id, cap_token, force = false } = payload
        const { peer_id, user_id } = peer
        const by = { peer, reply_to: id }
        const place = await locate(peer, terminal_id)
        const { terminal, occupant } = place
        const isHost = terminal.host_user_id === user_id
        if (force && !isHost) {
          if (occupant.role !== 'owner') throw new MeshError('ACCESS_DENIED')
          const holder = holderOf(terminal, leaseClock.now())
          if (holder !== undefined && holder !== peer_id) {
            const freed = await endings.release({ terminal_id, member: user_id }, 'forced', by)
            if (freed.outcome === 'released') return told(freed.event)
            if (freed.outcome !== 'conflict') throw refusal(freed)
          }
        }
        const { now, expires_at, toldUntil, token, jti } = judge(place, await verify(cap_token))
        requireHost(terminal)
        const payloadOfGrant = { terminal_id, peer_id, expires_at: toldUntil }
        const result = await storage.terminals.take(
          { terminal_id, peer_id, user_id, force: force && isHost, now, expires_at },
          endings.newEvent('terminal.control.granted', payloadOfGrant, by, {
            action: 'lease.grant',
            target: terminal_id,
            jti,
            ...(force ? { reason: 'forced' } : {}),
          }),
        )
        if (result.outcome !== 'granted') throw refusal(result)
        try {
          judge(place, await verify(cap_token))
          requireHost(terminal)
        } catch (error) {
          // What ended the right to it came while it was stored. The grant has its place in the log, but it is told only
          // together with its end.
          const reason = engine.peers.has(peer_id) ? 'revoked' : 'left'
          await endings.release({ terminal_id, fence: result.fence }, reason).catch(() => {})
          engine.publish(result.event)
          throw error
        }
        engine.publish(result.event, by)
        watch.hold(terminal_id, result.fence, expires_at, token)
        return told(result.event)
      },

      async 'terminal.control.renew'({ peer, payload, answer }) {
        const { terminal_id, fence, cap_token } = payload
        const { peer_id, user_id } = peer
        const place = await locate(peer, terminal_id)
        const { now, expires_at, toldUntil, token } = judge(place, await verify(cap_token))
        if (!watch.holds(terminal_id, fence)) throw conflict(place.terminal, 'not_held')
        const result = await storage.terminals.renew({ terminal_id, peer_id, user_id, fence, now, expires_at })
        if (result.outcome !== 'renewed') throw refusal(result)
        judge(place, await verify(cap_token))
        if (!watch.hold(terminal_id, fence, expires_at, token)) throw conflict(undefined, 'not_held')
        // In the same step, or a grant to somebody else could be heard of before it.
        answer({ terminal_id, peer_id, fence, expires_at: toldUntil })
        return engine.answered
      },

      async 'terminal.control.release'({ peer, id, payload }) {
        const { terminal_id, fence } = payload
        await locate(peer, terminal_id)
        const which = { terminal_id, holder: peer.peer_id, member: peer.user_id }
        const result = await endings.release(fence === undefined ? which : { ...which, fence }, 'released', {
          peer,
          reply_to: id,
        })
        if (result.outcome === 'conflict') throw conflict(result.terminal, 'not_held')
        if (result.outcome !== 'released') throw refusal(result)
        return told(result.event)
      },
    },
    left: watch.left,
    restricted: watch.restricted,
    keyRevoked: watch.keyRevoked,
    stored: watch.stored,
    open: watch.leases,
  }
}

/** What came as a capability token, and what it says where it is one of ours. */
interface Presented {
  presented: boolean
  verified: Verified<CapabilityClaims> | undefined
}

/** A terminal, and somebody who is in its room. */
interface Place {
  peer: Peer
  terminal: Terminal
  occupant: Occupant
}
