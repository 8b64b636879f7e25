import * as v from 'valibot'
import type { Action, Role } from '../acl.ts'
import { actorOf } from '../audit.ts'
import type { Engine } from '../context.ts'
import { field } from '../define.ts'
import { isMeshError, MeshError } from '../errors.ts'
import type { Invite, Member } from '../ports/index.ts'
import type { Actor, Page, Rooms } from './service.ts'
import type { RoomWrites } from './writes.ts'

const day_s = 24 * 3600

/** What is asked for with an invitation: 7 days and one person unless told, at most 30 days and 1,000 people. */
export const inviteSchema = v.strictObject({
  role: field.role,
  expires_in_s: v.optional(v.pipe(field.count, v.minValue(1), v.maxValue(30 * day_s)), 7 * day_s),
  max_uses: v.optional(v.pipe(field.count, v.minValue(1), v.maxValue(1000)), 1),
})

/** How the code of an invitation is written: 256 random bits behind a prefix by which scanners for secrets find it. */
export const inviteCode = v.pipe(v.string(), v.regex(/^mic_[A-Za-z0-9_-]{43}$/))

/** Invitations into rooms, for REST, the command line and the host application. */
export interface Invites {
  /**
   * Makes an invitation. Its code is told here and never again: only a hash of it is kept.
   * @throws MeshError ROOM_NOT_FOUND, ACCESS_DENIED, CONFLICT when the member has too many of them open
   */
  create(
    actor: Actor,
    room_id: string,
    wanted: v.InferOutput<typeof inviteSchema>,
  ): Promise<{ invite: Invite; code: string }>
  /**
   * Makes a user a member by a code. Of a member already nothing changes, and no use is counted.
   * @throws MeshError NOT_FOUND, whether the code is unknown, expired, used up, revoked or its maker may invite no more
   */
  accept(user_id: string, code: string, actor?: Actor): Promise<Member>
  /** Invitations that still let somebody in, by rising `invite_id`. @throws MeshError ROOM_NOT_FOUND, ACCESS_DENIED */
  list(actor: Actor, room_id: string, page: Page<string>): Promise<Invite[]>
  /** Takes an invitation back. @throws MeshError ROOM_NOT_FOUND, ACCESS_DENIED, NOT_FOUND */
  revoke(actor: Actor, room_id: string, invite_id: string): Promise<void>
}

/** @see Invites */
export function createInvites({
  storage,
  clock,
  ids,
  digest,
  limits,
  audit,
  publish,
  authorize,
  newEvent,
  write,
}: Pick<Engine, 'storage' | 'clock' | 'ids' | 'digest' | 'limits' | 'audit' | 'publish'> &
  Pick<Rooms, 'authorize'> &
  RoomWrites): Invites {
  return {
    async create(actor, room_id, { role, expires_in_s, max_uses }) {
      const { member } = await authorize(actor, room_id, invitingAs[role])
      const code = `mic_${ids.secret()}`
      const now = clock.now()
      const invite = {
        invite_id: ids.id('inv'),
        room_id,
        role,
        created_by: actor === 'administrator' ? null : actor.user_id,
        created_at: now,
        expires_at: now + expires_in_s * 1000,
        max_uses,
      }
      const guard = { member_seq: member?.member_seq ?? null, most: limits.invites_per_member }
      const outcome = await storage.invites.create(invite, { ...guard, code_hash: await digest(code) })
      if (outcome === 'missing') throw new MeshError('ROOM_NOT_FOUND')
      if (outcome === 'denied') throw new MeshError('ACCESS_DENIED')
      if (outcome === 'full') {
        throw new MeshError('CONFLICT', 'Too many open invitations', { reason: 'too_many_invites' })
      }
      const { invite_id: target } = invite
      void audit({ action: 'invite.create', outcome: 'ok', ...actorOf(actor), room_id, target, role })
      return { invite: { ...invite, uses: 0 }, code }
    },

    async accept(user_id, code, actor = { user_id }) {
      const [code_hash, user] = await Promise.all([digest(code), storage.users.find(user_id)])
      const now = clock.now()
      const invite = await storage.invites.find(code_hash, now)
      if (!invite || !user) {
        void audit({ action: 'invite.accept', outcome: 'denied', ...actorOf(actor), reason: 'NOT_FOUND' })
        throw noInvite()
      }
      const { room_id, invite_id, role, created_by } = invite
      // The storage knows whether its maker is what they were; whether that is enough may have been decided anew.
      if (created_by !== null) await authorize({ user_id: created_by }, room_id, invitingAs[role]).catch(toNoInvite)
      const event = newEvent('room.member.added', { user_id, username: user.username, role }, actor, {
        action: 'invite.accept',
        target: invite_id,
        role,
      })
      const accepted = await write(room_id, storage.invites.accept({ room_id, invite_id, user_id, now }, event))
      if (accepted.outcome === 'missing') throw noInvite()
      if ('event' in accepted) publish(accepted.event)
      const member = await storage.rooms.member(room_id, user_id)
      if (!member) throw noInvite()
      return member
    },

    async list(actor, room_id, page) {
      await authorize(actor, room_id, 'invite')
      return storage.invites.list(room_id, { ...page, now: clock.now() })
    },

    async revoke(actor, room_id, invite_id) {
      await authorize(actor, room_id, 'invite')
      if (!(await storage.invites.revoke(room_id, invite_id))) throw noInvite()
      void audit({ action: 'invite.revoke', outcome: 'ok', ...actorOf(actor), room_id, target: invite_id })
    },
  }
}

/** What somebody must be allowed to do who invites others as this. */
const invitingAs: Readonly<Record<Role, Action>> = { owner: 'invite', member: 'invite', guest: 'invite.guest' }

// One answer for every reason, so that nobody learns which codes there are or were.
const noInvite = () => new MeshError('NOT_FOUND', 'No such invitation')

function toNoInvite(error: unknown): never {
  throw isMeshError(error) && /^(ACCESS_DENIED|ROOM_NOT_FOUND)$/.test(error.code) ? noInvite() : error
}
