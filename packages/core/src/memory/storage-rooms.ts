import type { RoomPolicy } from '../acl.ts'
import type { Member, Room, RoomStore, Terminal } from '../ports/index.ts'
import { copyOf } from './storage-terminals.ts'
import { addMember, appendTo, eventOf, type OpenTables, type RoomRecord, type StoredMember } from './storage-tables.ts'

/** The rooms and members of the memory storage. */
export function createRooms(open: OpenTables): RoomStore {
  function memberOf(stored: StoredMember): Member {
    return { ...stored, username: open().users.get(stored.user_id)?.username ?? '' }
  }

  return {
    async create({ room_id, name, owner_user_id, created_at }, event) {
      const { rooms, users, audit, deliveries } = open()
      if (rooms.has(room_id)) throw new Error('A room with this id exists')
      if (!users.has(owner_user_id)) throw new Error('The owner of a room must exist')
      const record: RoomRecord = {
        room: { room_id, name, owner_user_id, created_at, policy: '{}', policy_seq: 1, seq: 0 },
        members: new Map(),
        invites: new Map(),
        events: [],
        missed: new Map(),
        once: new Set(),
        audit,
        deliveries,
      }
      const stored = appendTo(record, event)
      addMember(record, owner_user_id, 'owner', created_at)
      rooms.set(room_id, record)
      return eventOf(stored)
    },

    async find(room_id) {
      const record = open().rooms.get(room_id)
      return record && roomOf(record)
    },

    async list({ user_id, after, limit }) {
      return [...open().rooms.values()]
        .filter(({ members }) => user_id === undefined || members.has(user_id))
        .filter(({ room }) => after === undefined || room.room_id > after)
        .sort((a, b) => (a.room.room_id < b.room.room_id ? -1 : 1))
        .slice(0, limit)
        .map(roomOf)
    },

    async update(room_id, { name, policy }, event) {
      const record = open().rooms.get(room_id)
      if (!record) return undefined
      const text = policy && JSON.stringify(policy)
      const stored = appendTo(record, event)
      if (name !== undefined) record.room.name = name
      if (text !== undefined) record.room = { ...record.room, policy: text, policy_seq: stored.seq }
      return eventOf(stored)
    },

    async delete(room_id, entry) {
      const { rooms, once, terminals, audit } = open()
      if (entry && rooms.has(room_id)) audit.push(JSON.stringify(entry))
      for (const { terminal_id, room_id: place } of terminals.values())
        if (place === room_id) terminals.delete(terminal_id)
      for (const key of rooms.get(room_id)?.once ?? []) once.delete(key)
      return rooms.delete(room_id)
    },

    async member(room_id, user_id) {
      const stored = open().rooms.get(room_id)?.members.get(user_id)
      return stored && memberOf(stored)
    },

    async snapshot(room_id) {
      const record = open().rooms.get(room_id)
      if (!record) return undefined
      const members = [...record.members.values()].map(memberOf)
      members.sort((a, b) => a.created_at - b.created_at || (a.user_id < b.user_id ? -1 : 1))
      const shared = [...open().terminals.values()].filter(
        (terminal) => terminal.room_id === room_id && record.members.has(terminal.host_user_id),
      )
      return { room: roomOf(record), members, terminals: shared.sort(byAge).map(copyOf) }
    },

    async setMember({ room_id, user_id, role, at }, events) {
      const { rooms, users } = open()
      const record = rooms.get(room_id)
      if (!record || !users.has(user_id)) return { outcome: 'missing' }
      const known = record.members.get(user_id)
      if (known?.role === role) return { outcome: 'unchanged' }
      if (known && isLastOwner(record, known)) return { outcome: 'last_owner' }
      const stored = appendTo(record, known ? events.updated : events.added)
      if (known) record.members.set(user_id, { ...known, role, member_seq: stored.seq })
      else addMember(record, user_id, role, at)
      return { outcome: known ? 'updated' : 'added', event: eventOf(stored), previous: known?.role }
    },

    async removeMember({ room_id, user_id }, event) {
      const record = open().rooms.get(room_id)
      const known = record?.members.get(user_id)
      if (!record || !known) return { outcome: 'missing' }
      if (isLastOwner(record, known)) return { outcome: 'last_owner' }
      const stored = appendTo(record, event)
      record.members.delete(user_id)
      return { outcome: 'removed', event: eventOf(stored) }
    },
  }
}

function isLastOwner({ members }: RoomRecord, member: StoredMember): boolean {
  return member.role === 'owner' && [...members.values()].filter(({ role }) => role === 'owner').length === 1
}

function byAge(a: Terminal, b: Terminal): number {
  return a.started_at - b.started_at || (a.terminal_id < b.terminal_id ? -1 : 1)
}

function roomOf({ room }: RoomRecord): Room {
  return { ...room, policy: JSON.parse(room.policy) as RoomPolicy }
}
