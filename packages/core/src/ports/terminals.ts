import type { NewEvent, RoomEvent } from './events.ts'

/** A terminal that a peer shares with a room, and who controls it. */
export interface Terminal {
  terminal_id: string
  room_id: string
  /** The peer that shares it, whose user that is, and its device where it has one. */
  host_peer_id: string
  host_user_id: string
  host_device_id: string | null
  title: string
  /** Size in characters, where the host told. */
  cols: number | null
  rows: number | null
  started_at: number
  /** Until when the node of the host vouches for it; past that the node has died and the terminal with it. */
  alive_until: number
  /** The number of its latest grant, 0 before the first. It only ever rises. */
  fence: number
  /** The latest grant, unless it was released. It controls nothing from `expires_at` on. */
  lease: Lease | null
}

/** Control of a terminal by one peer, until it expires. */
export interface Lease {
  peer_id: string
  user_id: string
  expires_at: number
}

/** Somebody wants control. */
export interface Take {
  terminal_id: string
  peer_id: string
  user_id: string
  /** Takes it from whoever holds it. */
  force: boolean
  now: number
  expires_at: number
}

/** The holder wants to keep control. */
export interface Renewal {
  terminal_id: string
  peer_id: string
  user_id: string
  fence: number
  now: number
  expires_at: number
}

/** Which lease is to end: that of the terminal, if everything that is given here is so. */
export interface Release {
  terminal_id: string
  /** It is held by this peer. */
  holder?: string
  /** It is this grant. */
  fence?: number
  /** It has run out by then. */
  overdue?: number
  /** This user, who asks for it, is a member of the room. */
  member?: string
}

/** Why nothing was written. `conflict`: the lease is another. `denied`: no member. `missing`: no such terminal. */
export type TerminalRefusal = { outcome: 'conflict'; terminal: Terminal } | { outcome: 'denied' | 'missing' }

/**
 * Open terminals with their leases. Each write is one step together with its events, so that a grant and the removal of
 * a member, or two grants, never pass each other. The store puts the terminal's `fence` into the payload of each
 * `terminal.control.*` event, and into what the audit log is told with it. `now` is the caller's clock; a store that several nodes share may use its own instead.
 */
export interface TerminalStore {
  find(terminal_id: string): Promise<Terminal | undefined>
  /** Adds a terminal, with fence 0 and nobody in control; dead ones of the room go. `missing`: no such room. */
  start(
    terminal: Omit<Terminal, 'fence' | 'lease'>,
    event: NewEvent,
  ): Promise<{ outcome: 'started'; event: RoomEvent } | { outcome: 'denied' | 'missing' }>
  /** Ends a terminal, and before it the lease where there is one. `member` as in {@link Release}. */
  stop(
    which: { terminal_id: string; member?: string },
    events: { released: NewEvent; stopped: NewEvent },
  ): Promise<{ outcome: 'stopped'; released?: RoomEvent; stopped: RoomEvent } | { outcome: 'denied' | 'missing' }>
  /**
   * Gives control to a peer and raises the fence: when nobody has it, when it has run out, when the peer has it itself,
   * or by force. Of several at once exactly one gets it. A dead terminal is `missing`.
   */
  take(take: Take, event: NewEvent): Promise<{ outcome: 'granted'; fence: number; event: RoomEvent } | TerminalRefusal>
  /** Puts off the end of a lease that has not run out, for its holder and with its fence. Appends nothing. */
  renew(renewal: Renewal): Promise<{ outcome: 'renewed' } | TerminalRefusal>
  /** Ends the lease; the fence stays. `conflict`: there is none, or not this one. */
  release(which: Release, event: NewEvent): Promise<{ outcome: 'released'; event: RoomEvent } | TerminalRefusal>
  /** The node of their hosts vouches for these terminals; those that are gone stay gone. */
  touch(terminal_ids: readonly string[], alive_until: number): Promise<void>
}
