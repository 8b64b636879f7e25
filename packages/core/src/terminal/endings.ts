import { actorOf } from '../audit.ts'
import type { Engine, Peer } from '../context.ts'
import type { AuditEvent, NewEvent, Release } from '../ports/index.ts'
import type { ServerPayload } from '../protocol.ts'

/** Why control is over. */
export type Reason = ServerPayload<'terminal.control.released'>['reason']

/** The request that an ending answers; without one it is the server's own doing. */
export interface By {
  peer: Peer
  reply_to: string
}

/** The two ways in which control ends: alone, or together with the terminal. Each is stored first and told then. */
export function createEndings(engine: Engine) {
  const { storage, clock, ids } = engine

  /** An event of a terminal; with `audit` it is a decision that the audit log must have. */
  function newEvent(
    type: string,
    payload: NewEvent['payload'],
    by?: By,
    audit?: Omit<AuditEvent, 'outcome' | 'room_id'>,
  ): NewEvent {
    const event = { id: ids.uuid(), type, from: by?.peer.peer_id ?? 'server', at: clock.now(), payload }
    const actor = by ? actorOf(by.peer) : { actor: 'server' }
    return audit ? { ...event, audit: { ...actor, outcome: 'ok', ...audit } } : event
  }

  const released = (terminal_id: string, reason: Reason, by?: By) =>
    newEvent('terminal.control.released', { terminal_id, reason }, by, {
      action: 'lease.release',
      target: terminal_id,
      reason,
    })

  return {
    newEvent,

    async release(which: Release, reason: Reason, by?: By) {
      const result = await storage.terminals.release(which, released(which.terminal_id, reason, by))
      if (result.outcome === 'released') engine.publish(result.event, by)
      return result
    },

    async stop(which: { terminal_id: string; member?: string }, by?: By) {
      const result = await storage.terminals.stop(which, {
        released: released(which.terminal_id, 'stopped', by),
        stopped: newEvent('terminal.share.stopped', { terminal_id: which.terminal_id }, by),
      })
      if (result.outcome !== 'stopped') return result
      if (result.released) engine.publish(result.released)
      engine.publish(result.stopped, by)
      return result
    },
  }
}

/** @see createEndings */
export type Endings = ReturnType<typeof createEndings>
