import type { NewEvent, Release, RoomEvent, Terminal, TerminalStore } from '../ports/index.ts'
import { isAlive, mayRelease, mayRenew, standingOf } from '../terminal/lease.ts'
import { appendTo, eventOf, type OpenTables } from './storage-tables.ts'

/** The terminals of the memory storage. A stored terminal is replaced and never changed, so a shallow copy is a copy. */
export function createTerminals(open: OpenTables): TerminalStore {
  /** The terminal, if it may be written on behalf of `member`. */
  function forWriting(terminal_id: string, member: string | undefined): Terminal | 'missing' | 'denied' {
    const { terminals, rooms } = open()
    const terminal = terminals.get(terminal_id)
    if (!terminal) return 'missing'
    if (member !== undefined && !rooms.get(terminal.room_id)?.members.has(member)) return 'denied'
    return terminal
  }

  function append({ room_id, fence }: Pick<Terminal, 'room_id' | 'fence'>, event: NewEvent): RoomEvent {
    const record = open().rooms.get(room_id)
    if (!record) throw new Error('A terminal goes with its room')
    const { payload, audit } = event
    return eventOf(
      appendTo(record, { ...event, payload: { ...payload, fence }, ...(audit && { audit: { ...audit, fence } }) }),
    )
  }

  return {
    async find(terminal_id) {
      const terminal = open().terminals.get(terminal_id)
      return terminal && copyOf(terminal)
    },

    async start(terminal, event) {
      const { terminals, rooms } = open()
      const record = rooms.get(terminal.room_id)
      if (!record) return { outcome: 'missing' }
      if (!record.members.has(terminal.host_user_id)) return { outcome: 'denied' }
      if (terminals.has(terminal.terminal_id)) throw new Error('A terminal with this id exists')
      const stored = appendTo(record, event)
      for (const { terminal_id, room_id, alive_until } of terminals.values()) {
        if (room_id === terminal.room_id && !isAlive({ alive_until }, terminal.started_at))
          terminals.delete(terminal_id)
      }
      terminals.set(terminal.terminal_id, { ...terminal, fence: 0, lease: null })
      return { outcome: 'started', event: eventOf(stored) }
    },

    async stop({ terminal_id, member }, events) {
      const terminal = forWriting(terminal_id, member)
      if (typeof terminal === 'string') return { outcome: terminal }
      const record = open().rooms.get(terminal.room_id)
      if (!record) return { outcome: 'missing' }
      const released = terminal.lease ? { released: append(terminal, events.released) } : {}
      const stopped = eventOf(appendTo(record, events.stopped))
      open().terminals.delete(terminal_id)
      return { outcome: 'stopped', ...released, stopped }
    },

    async take(take, event) {
      const { terminal_id, peer_id, user_id, now, expires_at } = take
      const terminal = forWriting(terminal_id, user_id)
      if (typeof terminal === 'string') return { outcome: terminal }
      if (!isAlive(terminal, now)) return { outcome: 'missing' }
      if (standingOf(terminal, take) === 'held') return { outcome: 'conflict', terminal: copyOf(terminal) }
      const fence = terminal.fence + 1
      const stored = append({ ...terminal, fence }, event)
      open().terminals.set(terminal_id, { ...terminal, fence, lease: { peer_id, user_id, expires_at } })
      return { outcome: 'granted', fence, event: stored }
    },

    async renew(renewal) {
      const { terminal_id, user_id, now, expires_at } = renewal
      const terminal = forWriting(terminal_id, user_id)
      if (typeof terminal === 'string') return { outcome: terminal }
      if (!isAlive(terminal, now)) return { outcome: 'missing' }
      if (!terminal.lease || !mayRenew(terminal, renewal)) return { outcome: 'conflict', terminal: copyOf(terminal) }
      open().terminals.set(terminal_id, { ...terminal, lease: { ...terminal.lease, expires_at } })
      return { outcome: 'renewed' }
    },

    async release(which: Release, event) {
      const terminal = forWriting(which.terminal_id, which.member)
      if (typeof terminal === 'string') return { outcome: terminal }
      if (!mayRelease(terminal, which)) return { outcome: 'conflict', terminal: copyOf(terminal) }
      const stored = append(terminal, event)
      open().terminals.set(which.terminal_id, { ...terminal, lease: null })
      return { outcome: 'released', event: stored }
    },

    async touch(terminal_ids, alive_until) {
      const { terminals } = open()
      for (const terminal_id of terminal_ids) {
        const terminal = terminals.get(terminal_id)
        if (terminal) terminals.set(terminal_id, { ...terminal, alive_until })
      }
    },
  }
}

/** A terminal for the outside. */
export function copyOf(terminal: Terminal): Terminal {
  return { ...terminal, lease: terminal.lease && { ...terminal.lease } }
}
