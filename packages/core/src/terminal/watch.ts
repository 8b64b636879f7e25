import { actionsOf } from '../acl.ts'
import type { Area, Engine, LiveRoom, Occupant, Peer } from '../context.ts'
import { isMeshError } from '../errors.ts'
import type { RoomEvent } from '../ports/index.ts'
import type { ServerPayload } from '../protocol.ts'
import type { Endings, Reason } from './endings.ts'
import { createRegister, type Control, type Watched } from './register.ts'
import { vouching } from './state.ts'

/** What a node does about the terminals and leases of its peers without being asked. */
export interface Watch extends Required<Pick<Area<never>, 'left' | 'restricted' | 'keyRevoked' | 'stored'>> {
  /** How many terminals a peer shares. */
  countOf(host: Peer): number
  /** Whether an occupant may share, now. */
  mayHost(occupant: Occupant): boolean
  /** Whether this grant is in force, as far as this node knows. */
  holds(terminal_id: string, fence: number): boolean
  /**
   * A lease of a peer of this node is stored, until then and by this token. Says whether it is in force: it may have
   * ended meanwhile.
   */
  hold(terminal_id: string, fence: number, expires_at: number, by: Control['by']): boolean
  /** How many of the terminals that are hosted here somebody controls. */
  leases(): number
  /** Ends a terminal that is hosted here, whatever its host has to say. */
  shut(terminal_id: string): void
}

/** @see Watch */
export function createWatch(engine: Engine, endings: Endings): Watch {
  const { storage, clock, leaseClock, limits, logger } = engine
  const register = createRegister()
  let stopVouching: (() => void) | undefined

  function warn(error: unknown, message: string): void {
    logger.warn({ code: isMeshError(error) ? error.code : 'INTERNAL' }, message)
  }

  /**
   * Whether role, policy or their own device let the peer in control have it. The target of the token is known where that
   * peer is, the terminal's host where this one is, and whoever owns the one owns the other.
   */
  function mayHold({ room, host, control }: Watched): boolean {
    const holder = control && room.occupants.get(control.peer_id)
    if (!holder) return false
    const { peer, role } = holder
    const target = control.by?.target ?? host?.peer.peer_id
    return engine.mayHold('terminal:control', { user_id: peer.user_id, role, policy: room.policy, target })
  }

  /** From this moment on the lease is not renewed; that it is over is told as soon as it is stored. */
  function end(watched: Watched, reason: Reason): void {
    const { control } = watched
    if (!control || control.isOver) return
    control.isOver = true
    void free(watched, control, reason)
  }

  async function free(watched: Watched, control: Control, reason: Reason, overdue?: number): Promise<void> {
    const { terminal_id } = watched
    const { fence } = control
    try {
      const result = await endings.release(
        { terminal_id, fence, ...(overdue === undefined ? {} : { overdue }) },
        reason,
      )
      const current = result.outcome === 'conflict' && result.terminal.fence === fence ? result.terminal.lease : null
      // Where the holder is on another node, its renewals are seen in the store alone.
      if (current) arm(watched, control, current.expires_at)
      else drop(watched, control)
    } catch (error) {
      warn(error, 'the end of control was not stored')
      // In the store the lease runs out by itself; its end is still to be told to the host.
      if (watched.host) arm(watched, control, Math.max(control.expires_at, leaseClock.now() + limits.terminal_lease_ms))
      else drop(watched, control)
    }
  }

  function arm(watched: Watched, control: Control, at: number): void {
    control.cancel()
    control.expires_at = at
    const wait = Math.max(0, at - leaseClock.now())
    control.cancel = clock.after(wait, () => void free(watched, control, 'expired', leaseClock.now()))
  }

  function drop(watched: Watched, control: Control | undefined): void {
    control?.cancel()
    if (watched.control === control) watched.control = undefined
    if (!watched.host && !watched.control) register.delete(watched)
    if (register.hosted().length > 0) return
    stopVouching?.()
    stopVouching = undefined
  }

  function vouch(): void {
    stopVouching = clock.after(vouching.every, () => {
      vouch()
      storage.terminals
        .touch(register.hosted(), leaseClock.now() + vouching.ms)
        .catch((error: unknown) => warn(error, 'terminals could not be vouched for'))
    })
  }

  function shut(terminal_id: string): void {
    const watched = register.get(terminal_id)
    if (watched) {
      watched.host = undefined
      if (watched.control) watched.control.isOver = true
    }
    const forget = () => {
      if (watched) drop(watched, watched.control)
    }
    endings
      .stop({ terminal_id })
      .catch((error: unknown) => warn(error, 'the end of a terminal was not stored'))
      .then(forget, forget)
  }

  const hear: { [type: string]: (room: LiveRoom, payload: RoomEvent['payload'], terminal_id: string) => void } = {
    'terminal.share.started'(room, payload, terminal_id) {
      const host = room.occupants.get(String(payload.peer_id))
      if (!host?.peer.isHere || register.get(terminal_id)) return
      register.add({ terminal_id, room, host, fence: 0, control: undefined })
      if (!stopVouching) vouch()
    },

    'terminal.control.granted'(room, payload, terminal_id) {
      // The store wrote this payload for this type: see events.ts.
      const { peer_id, fence, expires_at } = payload as ServerPayload<'terminal.control.granted'>
      const known = register.get(terminal_id)
      if (known ? fence <= known.fence : !room.occupants.get(peer_id)?.peer.isHere) return
      const watched = known ?? register.add({ terminal_id, room, host: undefined, fence, control: undefined })
      watched.control?.cancel()
      watched.fence = fence
      const of = { peer_id, fence, by: undefined, isByRules: false }
      const control: Control = { ...of, expires_at: 0, isOver: false, cancel() {} }
      watched.control = control
      control.isByRules = mayHold(watched)
      // The node that granted it told this by its wall clock. The store is asked again when the time has come.
      const left = Math.min(Date.parse(expires_at) - clock.now(), limits.terminal_lease_ms)
      arm(watched, control, leaseClock.now() + left)
    },

    'terminal.control.released'(_room, payload, terminal_id) {
      const watched = register.get(terminal_id)
      if (watched && watched.control?.fence === payload.fence) drop(watched, watched.control)
    },

    'terminal.share.stopped'(_room, _payload, terminal_id) {
      const watched = register.get(terminal_id)
      if (!watched) return
      watched.host = undefined
      drop(watched, watched.control)
    },
  }

  return {
    countOf: (host) => register.hosted(host).length,
    shut,
    leases: () => register.all().filter(({ host, control }) => host && control && !control.isOver).length,
    mayHost: (occupant) =>
      occupant.peer.rooms.get(occupant.room.room_id) === occupant && actionsOf[occupant.role].has('share'),

    holds(terminal_id, fence) {
      const control = register.get(terminal_id)?.control
      return control?.fence === fence && !control.isOver
    },

    hold(terminal_id, fence, expires_at, by) {
      const watched = register.get(terminal_id)
      const control = watched?.control
      if (!watched || !control || control.fence !== fence || control.isOver) return false
      control.by = by
      control.isByRules = mayHold(watched)
      arm(watched, control, expires_at)
      return true
    },

    stored: (room, { type, payload }) => hear[type]?.(room, payload, String(payload.terminal_id)),

    left(occupant, cause) {
      for (const watched of register.in(occupant.room)) {
        if (cause === 'deleted') {
          watched.host = undefined
          drop(watched, watched.control)
        } else if (watched.host === occupant) shut(watched.terminal_id)
        else if (watched.control?.peer_id === occupant.peer.peer_id) end(watched, reasonFor[cause])
      }
    },

    restricted(occupant, cause) {
      const { peer, room, role } = occupant
      for (const watched of register.in(room)) {
        const { control, host, terminal_id } = watched
        if (host === occupant && !actionsOf[role].has('share')) shut(terminal_id)
        else if (control?.peer_id === peer.peer_id) {
          // What the host application allowed beyond the rules no policy takes back: it is asked again for the next renewal.
          const isForbidden = control.isByRules && !mayHold(watched)
          if (cause === 'role' || isForbidden) end(watched, 'revoked')
        }
      }
    },

    keyRevoked(kid) {
      for (const watched of register.all()) if (watched.control?.by?.kid === kid) end(watched, 'revoked')
    },
  }
}

const reasonFor = { left: 'left', disconnected: 'left', removed: 'revoked', revoked: 'revoked' } as const
