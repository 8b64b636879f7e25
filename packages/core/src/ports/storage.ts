import type { Role, RoomPolicy } from '../acl.ts'
import type { AuditEntry, AuditStore } from './audit.ts'
import type { DeliveryStore, NotifyTargetStore } from './deliveries.ts'
import type { DeviceStore, EnrolmentStore } from './devices.ts'
import type { EventStore, NewEvent, RoomEvent } from './events.ts'
import type { InviteStore } from './invites.ts'
import type { LoginStore } from './logins.ts'
import type { Terminal, TerminalStore } from './terminals.ts'

/**
 * Where Mesh keeps what must outlive a crash. Promises that every implementation makes, and that the contract suite in
 * `@mesh/core/testing` checks:
 *
 * - A write resolves only when it is durable, and is atomic: all of it or nothing.
 * - Writes to one room are serial. Their results arrive in the order of their `seq`, which is gapless from 1 on; only those
 *   of a terminal may overtake others.
 * - A read that starts after a write resolved sees it.
 * - Absence is `undefined`; it is never an error. A refusal for a reason of state is a value (`outcome`), not an error.
 * - A store that cannot serve throws `MeshError` UNAVAILABLE, and then nothing was written, or the write is complete.
 *
 * Instants are milliseconds since 1970.
 */
export interface Storage {
  readonly users: UserStore
  readonly logins: LoginStore
  readonly revocations: RevocationStore
  readonly devices: DeviceStore
  readonly enrolments: EnrolmentStore
  readonly rooms: RoomStore
  readonly invites: InviteStore
  readonly events: EventStore
  readonly terminals: TerminalStore
  readonly deliveries: DeliveryStore
  readonly notifyTargets: NotifyTargetStore
  readonly audit: AuditStore
  /** Resolves when the store can serve. @throws MeshError UNAVAILABLE */
  ready(): Promise<void>
  /** What time it is for all who share the store, where it has a clock of its own: one that no node's wall clock moves. */
  now?(): number
  /** Finishes the writes under way and lets go of every resource. */
  close(): Promise<void>
}

/** Somebody with an account. */
export interface User {
  user_id: string
  /** The name people see; for built-in accounts also the login name, unique without regard to case. */
  username: string
  /** bcrypt, or null where the host application knows its own users. */
  hashed_password: string | null
  admin: boolean
  disabled: boolean
  created_at: number
  /** Where the user comes from when it is not from here: who vouches for them, and their id there. */
  external?: ExternalIdentity | undefined
}

/** A user of a host application: the whole copy that is kept of them, but for the name that others see. */
export interface ExternalIdentity {
  issuer: string
  subject: string
}

export interface UserStore {
  /** Adds a user. `taken` when another built-in account has the name. */
  create(user: User): Promise<'created' | 'taken'>
  /** Adds an administrator where there is none, in one step: of several at once, one is `created`. `late`: there is one. */
  createFirstAdmin(user: User): Promise<'created' | 'taken' | 'late'>
  /** Whether there is an administrator who is not disabled. */
  hasAdmin(): Promise<boolean>
  /** Adds a user of a host application, or brings name and origin up to date. A built-in account stays as it is. */
  ensure(user: Pick<User, 'user_id' | 'username' | 'created_at' | 'external'>): Promise<void>
  find(user_id: string): Promise<User | undefined>
  /** Finds a built-in account by its login name, without regard to case. */
  findByName(username: string): Promise<User | undefined>
  /** Users by ascending `user_id`, after the one given. */
  list(page: { after?: string | undefined; limit: number }): Promise<User[]>
  /** Puts another hash in the place of the one given; false when that is not the current one any more. */
  rehash(user_id: string, change: { from: string; to: string }): Promise<boolean>
  /**
   * Changes what is given; undefined when there is no such user. With `by` only as long as that is an administrator who is not
   * disabled, judged in the same step. @throws MeshError CONFLICT for a login name that is taken, ACCESS_DENIED
   */
  update(
    user_id: string,
    change: { username?: string; hashed_password?: string; admin?: boolean; disabled?: boolean },
    by?: string,
  ): Promise<User | undefined>
}

/** Access that was taken back before its time. */
export interface Revocation {
  /** The user, login or device whose access it was. */
  id: string
  revoked_at: number
  /** From here on nothing is left that it would have to stop, and it may be forgotten. */
  expires_at: number
}

/** Those of whom somebody wants to know whether their access is over. */
export interface AccessIds {
  user_ids: readonly string[]
  sids: readonly string[]
  device_ids: readonly string[]
}

export interface RevocationStore {
  /** Notes a revocation; of two on the same id the later ends of both count. Forgets what has expired by `revoked_at`. */
  add(revocation: Revocation): Promise<void>
  /** Those on any of the ids that have not expired by `now`, by ascending id. */
  find(ids: readonly string[], now: number): Promise<Revocation[]>
  /**
   * Whose access is over, and what of it: all that was granted before an instant. That is everything (`Infinity`) of a user
   * who is disabled, of a login that was revoked and of a device that is not there any more; of a user on whom there is a
   * revocation, it is what is older than the second after that, in which tokens tell no earlier from later. A user or login
   * that is not known here is somebody else's to judge.
   */
  ended(of: AccessIds, now: number): Promise<{ id: string; before: number }[]>
}

export interface Room {
  room_id: string
  name: string
  owner_user_id: string
  created_at: number
  policy: RoomPolicy
  /** `seq` of the event that last changed the policy. */
  policy_seq: number
  /** `seq` of the room's latest event. */
  seq: number
}

export interface Member {
  room_id: string
  user_id: string
  username: string
  role: Role
  /** `seq` of the event that last changed this membership; a later membership of the same user has a higher one. */
  member_seq: number
  /** `seq` of the event that added the member: a guest sees history from there on. */
  joined_seq: number
  created_at: number
}

export interface RoomStore {
  /** Adds a room with its owner as the one member and `event` as its first event. `owner_user_id` must exist. */
  create(room: Pick<Room, 'room_id' | 'name' | 'owner_user_id' | 'created_at'>, event: NewEvent): Promise<RoomEvent>
  find(room_id: string): Promise<Room | undefined>
  /** Rooms by ascending `room_id`, of one user or of all, after the one given. */
  list(page: { user_id?: string | undefined; after?: string | undefined; limit: number }): Promise<Room[]>
  /** Changes name or policy and appends the event; undefined when there is no such room. */
  update(
    room_id: string,
    change: { name?: string; policy?: RoomPolicy },
    event: NewEvent,
  ): Promise<RoomEvent | undefined>
  /** Deletes the room with its members, invitations and events, and notes that in the same step. False when there was none. */
  delete(room_id: string, audit?: AuditEntry): Promise<boolean>
  member(room_id: string, user_id: string): Promise<Member | undefined>
  /**
   * The room, all its members and the terminals that members share, in one consistent view: members by ascending
   * `created_at`, then `user_id`; terminals by ascending `started_at`, then `terminal_id`, those of a dead node included.
   */
  snapshot(room_id: string): Promise<{ room: Room; members: Member[]; terminals: Terminal[] } | undefined>
  /**
   * Adds a member or changes a role and appends the event that `event` makes of the former role. The same role again is
   * `unchanged` and appends nothing. `last_owner`: the room would be left without one. `missing`: no such room or user.
   */
  setMember(
    change: { room_id: string; user_id: string; role: Role; at: number },
    events: { added: NewEvent; updated: NewEvent },
  ): Promise<
    | { outcome: 'added' | 'updated'; event: RoomEvent; previous: Role | undefined }
    | { outcome: 'unchanged' | 'last_owner' | 'missing' }
  >
  /** Removes a member and appends the event. `missing`: was no member. */
  removeMember(
    which: { room_id: string; user_id: string },
    event: NewEvent,
  ): Promise<{ outcome: 'removed'; event: RoomEvent } | { outcome: 'last_owner' | 'missing' }>
}
