import type { DeadLetter, Delivery, NotifyTarget, Role } from '@mesh/core'
import type { Kysely } from 'kysely'

/**
 * The tables as SQL sees them, the same in every dialect: flags are 0 or 1, instants are milliseconds since 1970, JSON is
 * text. `rows.ts` turns them into what the storage port speaks of.
 */
export interface Tables {
  mesh_user: UserTable
  mesh_login: LoginTable
  mesh_revocation: RevocationTable
  mesh_device: DeviceTable
  mesh_enrolment: EnrolmentTable
  mesh_assertion: AssertionTable
  mesh_room: RoomTable
  mesh_member: MemberTable
  mesh_invite: InviteTable
  mesh_event: EventTable
  mesh_event_once: EventOnceTable
  mesh_missed_call: MissedCallTable
  mesh_terminal: TerminalTable
  mesh_audit: AuditTable
  mesh_audit_head: AuditHeadTable
  mesh_delivery: Delivery
  mesh_dead_letter: DeadLetter
  mesh_notify_target: NotifyTarget
}

/** A connection, or a transaction on one: what every read and every operation is given. */
export type Db = Kysely<Tables>

export interface UserTable {
  user_id: string
  username: string
  /** The login name by `nameKey`, unique; null for users of a host application. */
  name_key: string | null
  hashed_password: string | null
  admin: number
  disabled: number
  created_at: number
  /** Both null for a built-in account. */
  issuer: string | null
  subject: string | null
}

export interface LoginTable {
  sid: string
  user_id: string
  token_key: string
  secret_hash: string
  parent_hash: string | null
  generation: number
  rotated_at: number
  created_at: number
  expires_at: number
  revoked_at: number | null
}

export interface RevocationTable {
  id: string
  revoked_at: number
  expires_at: number
}

export interface DeviceTable {
  device_id: string
  user_id: string
  name: string
  public_key: string
  jkt: string
  created_at: number
  expires_at: number
  last_seen: number | null
}

export interface EnrolmentTable {
  code_hash: string
  user_id: string
  created_at: number
  expires_at: number
}

/** A `jti` that a device has used up. */
export interface AssertionTable {
  device_id: string
  jti: string
  keep_until: number
}

export interface RoomTable {
  room_id: string
  name: string
  owner_user_id: string
  created_at: number
  /** JSON. */
  policy: string
  policy_seq: number
  seq: number
}

export interface MemberTable {
  room_id: string
  user_id: string
  role: Role
  member_seq: number
  joined_seq: number
  created_at: number
}

export interface InviteTable {
  invite_id: string
  room_id: string
  code_hash: string
  role: Role
  /** Null for an administrator's. */
  created_by: string | null
  /** `member_seq` of the maker when it was made; the invitation is good for as long as it is the same. */
  member_seq: number | null
  created_at: number
  expires_at: number
  max_uses: number
  uses: number
}

export interface EventTable {
  room_id: string
  seq: number
  id: string
  type: string
  from_id: string
  at: number
  /** JSON. */
  payload: string
}

/** What was appended with `once`: where the first event of a sender and id is. */
export interface EventOnceTable {
  sender: string
  id: string
  digest: string
  room_id: string
  seq: number
}

/** The latest missed call of a pair of users in a room. */
export interface MissedCallTable {
  room_id: string
  from_user_id: string
  to_user_id: string
  seq: number
  at: number
  count: number
}

/** An open terminal. The lease is whole or not there: its three columns are null together. */
export interface TerminalTable {
  terminal_id: string
  room_id: string
  host_peer_id: string
  host_user_id: string
  host_device_id: string | null
  title: string
  cols: number | null
  rows: number | null
  started_at: number
  alive_until: number
  fence: number
  holder_peer_id: string | null
  holder_user_id: string | null
  expires_at: number | null
}

/** An entry of the audit log; never changed and never deleted. */
export interface AuditTable {
  seq: number
  at: number
  action: string
  outcome: string
  actor: string | null
  room_id: string | null
  /** JSON: whatever else the entry says. */
  facts: string
  prev_hash: string
  hash: string
}

/** Where the audit log ends: one row. */
export interface AuditHeadTable {
  id: number
  seq: number
  hash: string
}
