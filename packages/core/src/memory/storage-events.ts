import { missedCallWindowMs, type EventStore } from '../ports/index.ts'
import { appendTo, eventOf, keyOf, type OpenTables } from './storage-tables.ts'

/** The room events of the memory storage. */
export function createEvents(open: OpenTables): EventStore {
  return {
    async append(room_id, event, { user_id, once }) {
      const tables = open()
      const record = tables.rooms.get(room_id)
      if (!record) return { outcome: 'missing' }
      if (!record.members.has(user_id)) return { outcome: 'denied' }
      const key = once && keyOf(once.sender, once.id)
      const first = key === undefined ? undefined : tables.once.get(key)
      if (first) {
        const stored = record.events[first.seq - 1]
        if (first.digest !== once?.digest || first.room_id !== room_id || !stored) return { outcome: 'conflict' }
        return { outcome: 'repeated', event: eventOf(stored) }
      }
      const stored = appendTo(record, event)
      if (once && key !== undefined) {
        tables.once.set(key, { room_id, seq: stored.seq, digest: once.digest })
        record.once.add(key)
      }
      return { outcome: 'appended', event: eventOf(stored) }
    },

    async missedCall({ room_id, from_user_id, to_user_id, purpose }, event) {
      const record = open().rooms.get(room_id)
      if (!record) return undefined
      const pair = keyOf(from_user_id, to_user_id)
      const latest = record.missed.get(pair)
      const first = latest === undefined ? undefined : record.events[latest - 1]
      if (first && event.at - first.at < missedCallWindowMs) {
        const { payload } = eventOf(first)
        const counted = { ...first, payload: JSON.stringify({ ...payload, count: Number(payload['count']) + 1 }) }
        record.events[first.seq - 1] = counted
        return eventOf(counted)
      }
      const stored = appendTo(record, { ...event, payload: { from_user_id, to_user_id, purpose, count: 1 } })
      record.missed.set(pair, stored.seq)
      return eventOf(stored)
    },

    async list(room_id, { after, limit, type }) {
      return (open().rooms.get(room_id)?.events ?? [])
        .slice(Math.max(after, 0))
        .filter((stored) => type === undefined || stored.type === type)
        .slice(0, limit)
        .map(eventOf)
    },

    async before(room_id, { before, limit, type }) {
      return (open().rooms.get(room_id)?.events ?? [])
        .slice(0, before === undefined ? undefined : Math.max(before - 1, 0))
        .filter((stored) => type === undefined || stored.type === type)
        .toReversed()
        .slice(0, limit)
        .map(eventOf)
    },
  }
}
