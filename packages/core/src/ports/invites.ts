import type { Role } from '../acl.ts'
import type { NewEvent, RoomEvent } from './events.ts'

/** An invitation into a room, without the code that stands for it. */
export interface Invite {
  invite_id: string
  room_id: string
  /** What whoever accepts becomes. */
  role: Role
  /** Who invites; null for an administrator, who need not be in the room. */
  created_by: string | null
  created_at: number
  expires_at: number
  /** How many people it lets in. */
  max_uses: number
  /** How many it has let in. */
  uses: number
}

/**
 * Invitations. One is *good* until it expires, and while its maker is neither disabled nor anything else in the room
 * than when it was made: a changed role ends it like a removal, and a return does not bring it back.
 */
export interface InviteStore {
  /**
   * Adds an invitation, and forgets those of the room that have expired. `member_seq` is that of the maker's membership
   * as it was judged: `denied` when it is another by now. `full`: the maker has `most` of them in the room that are good
   * and not used up; an administrator is not counted. `missing`: no such room.
   */
  create(
    invite: Omit<Invite, 'uses'>,
    guard: { code_hash: string; member_seq: number | null; most: number },
  ): Promise<'created' | 'denied' | 'full' | 'missing'>
  /** Finds a good invitation by the hash of its code, used up or not. */
  find(code_hash: string, now: number): Promise<Invite | undefined>
  /** The good ones of a room that are not used up, by ascending `invite_id`, after the one given. */
  list(room_id: string, page: { after?: string | undefined; limit: number; now: number }): Promise<Invite[]>
  /**
   * Makes somebody a member, counts one use and appends the event. A member already is `unchanged`, whatever their role,
   * and costs no use. `missing`: no longer good, used up, or no such user.
   */
  accept(
    which: { room_id: string; invite_id: string; user_id: string; now: number },
    event: NewEvent,
  ): Promise<{ outcome: 'added'; event: RoomEvent } | { outcome: 'unchanged' | 'missing' }>
  /** Takes an invitation back. False when the room has no such one. */
  revoke(room_id: string, invite_id: string): Promise<boolean>
}
