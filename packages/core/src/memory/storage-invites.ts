import type { Invite, InviteStore } from '../ports/index.ts'
import { addMember, appendTo, eventOf, type OpenTables, type StoredInvite } from './storage-tables.ts'

/** The invitations of the memory storage. They live in the record of their room, and go with it. */
export function createInvites(open: OpenTables): InviteStore {
  function isMade({ room_id, created_by, member_seq }: StoredInvite): boolean {
    if (created_by === null) return true
    const { rooms, users } = open()
    return (
      rooms.get(room_id)?.members.get(created_by)?.member_seq === member_seq &&
      users.get(created_by)?.disabled === false
    )
  }
  const isGood = (invite: StoredInvite, now: number) => invite.expires_at > now && isMade(invite)

  return {
    async create(invite, { most, ...guard }) {
      const { room_id, created_by, created_at } = invite
      const invites = open().rooms.get(room_id)?.invites
      if (!invites) return 'missing'
      const stored: StoredInvite = { ...invite, ...guard, uses: 0 }
      if (!isMade(stored)) return 'denied'
      for (const { invite_id, expires_at } of invites.values()) if (expires_at <= created_at) invites.delete(invite_id)
      const own = [...invites.values()].filter((each) => each.created_by === created_by)
      if (created_by !== null && own.filter((each) => isOpen(each) && isMade(each)).length >= most) return 'full'
      invites.set(invite.invite_id, stored)
      return 'created'
    },

    async find(code_hash, now) {
      for (const { invites } of open().rooms.values()) {
        const found = [...invites.values()].find((each) => each.code_hash === code_hash)
        if (found) return isGood(found, now) ? inviteOf(found) : undefined
      }
      return undefined
    },

    async list(room_id, { after, limit, now }) {
      return [...(open().rooms.get(room_id)?.invites.values() ?? [])]
        .filter((each) => isGood(each, now) && isOpen(each))
        .filter(({ invite_id }) => after === undefined || invite_id > after)
        .sort((a, b) => (a.invite_id < b.invite_id ? -1 : 1))
        .slice(0, limit)
        .map(inviteOf)
    },

    async accept({ room_id, invite_id, user_id, now }, event) {
      const { rooms, users } = open()
      const record = rooms.get(room_id)
      const invite = record?.invites.get(invite_id)
      if (!record || !invite || !isGood(invite, now) || !users.has(user_id)) return { outcome: 'missing' }
      if (record.members.has(user_id)) return { outcome: 'unchanged' }
      if (!isOpen(invite)) return { outcome: 'missing' }
      const stored = appendTo(record, event)
      invite.uses += 1
      addMember(record, user_id, invite.role, now)
      return { outcome: 'added', event: eventOf(stored) }
    },

    async revoke(room_id, invite_id) {
      return open().rooms.get(room_id)?.invites.delete(invite_id) ?? false
    },
  }
}

const isOpen = ({ uses, max_uses }: Invite) => uses < max_uses

/** An invitation for the outside, without what proves it. */
function inviteOf({ code_hash: _hash, member_seq: _seq, ...invite }: StoredInvite): Invite {
  return invite
}
