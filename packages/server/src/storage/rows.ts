import type {
  AuditEntry,
  AuditRecord,
  Device,
  Invite,
  Member,
  NewEvent,
  Room,
  RoomEvent,
  RoomPolicy,
  Terminal,
  User,
} from '@mesh/core'
import { nameKey } from '@mesh/core/names'
import type {
  AuditTable,
  DeviceTable,
  EventTable,
  InviteTable,
  MemberTable,
  RoomTable,
  TerminalTable,
  UserTable,
} from './tables.ts'

/** The one place where rows become what the storage port speaks of, and back. */
export const toUser = (row: UserTable): User => ({
  user_id: row.user_id,
  username: row.username,
  hashed_password: row.hashed_password,
  admin: row.admin === 1,
  disabled: row.disabled === 1,
  created_at: row.created_at,
  ...(row.issuer === null || row.subject === null ? {} : { external: { issuer: row.issuer, subject: row.subject } }),
})

/** The row of a user; only an account with a password of its own has a login name. */
export const fromUser = (user: User): UserTable => ({
  user_id: user.user_id,
  username: user.username,
  name_key: user.hashed_password === null ? null : nameKey(user.username),
  hashed_password: user.hashed_password,
  admin: user.admin ? 1 : 0,
  disabled: user.disabled ? 1 : 0,
  created_at: user.created_at,
  issuer: user.external?.issuer ?? null,
  subject: user.external?.subject ?? null,
})

/** A device out of its row. */
export const toDevice = (row: DeviceTable): Device => ({
  device_id: row.device_id,
  user_id: row.user_id,
  name: row.name,
  public_key: row.public_key,
  jkt: row.jkt,
  created_at: row.created_at,
  expires_at: row.expires_at,
  last_seen: row.last_seen,
})

/** A room out of its row. The policy was written by this code, and is trusted to be one. */
export const toRoom = (row: RoomTable): Room => ({
  room_id: row.room_id,
  name: row.name,
  owner_user_id: row.owner_user_id,
  created_at: row.created_at,
  policy: JSON.parse(row.policy) as RoomPolicy,
  policy_seq: row.policy_seq,
  seq: row.seq,
})

/** A member out of a row of `mesh_member` joined with the user's name. */
export const toMember = (row: MemberTable & { username: string }): Member => ({
  room_id: row.room_id,
  user_id: row.user_id,
  username: row.username,
  role: row.role,
  member_seq: row.member_seq,
  joined_seq: row.joined_seq,
  created_at: row.created_at,
})

/** An invitation out of its row, without its code's hash. */
export const toInvite = (row: InviteTable): Invite => ({
  invite_id: row.invite_id,
  room_id: row.room_id,
  role: row.role,
  created_by: row.created_by,
  created_at: row.created_at,
  expires_at: row.expires_at,
  max_uses: row.max_uses,
  uses: row.uses,
})

/** An event out of its row. */
export const toEvent = (row: EventTable): RoomEvent => ({
  room_id: row.room_id,
  seq: row.seq,
  id: row.id,
  type: row.type,
  from: row.from_id,
  at: row.at,
  payload: JSON.parse(row.payload) as Record<string, unknown>,
})

/** The row of an event in its place. */
export const fromEvent = (room_id: string, seq: number, event: NewEvent): EventTable => ({
  room_id,
  seq,
  id: event.id,
  type: event.type,
  from_id: event.from,
  at: event.at,
  payload: JSON.stringify(event.payload),
})

/** A terminal out of its row. */
export const toTerminal = (row: TerminalTable): Terminal => ({
  terminal_id: row.terminal_id,
  room_id: row.room_id,
  host_peer_id: row.host_peer_id,
  host_user_id: row.host_user_id,
  host_device_id: row.host_device_id,
  title: row.title,
  cols: row.cols,
  rows: row.rows,
  started_at: row.started_at,
  alive_until: row.alive_until,
  fence: row.fence,
  lease:
    row.holder_peer_id === null || row.holder_user_id === null || row.expires_at === null
      ? null
      : { peer_id: row.holder_peer_id, user_id: row.holder_user_id, expires_at: row.expires_at },
})

/** The row of a terminal that nobody has controlled yet. */
export const fromTerminal = (terminal: Omit<Terminal, 'fence' | 'lease'>): TerminalTable => ({
  terminal_id: terminal.terminal_id,
  room_id: terminal.room_id,
  host_peer_id: terminal.host_peer_id,
  host_user_id: terminal.host_user_id,
  host_device_id: terminal.host_device_id,
  title: terminal.title,
  cols: terminal.cols,
  rows: terminal.rows,
  started_at: terminal.started_at,
  alive_until: terminal.alive_until,
  fence: 0,
  holder_peer_id: null,
  holder_user_id: null,
  expires_at: null,
})

/** The row of an entry of the audit log, before it has its place in the chain. */
export const fromAudit = (entry: AuditEntry): Omit<AuditTable, 'seq' | 'prev_hash' | 'hash'> => {
  const { at, action, outcome, actor = null, room_id = null, ...facts } = entry
  return { at, action, outcome, actor, room_id, facts: JSON.stringify(facts) }
}

/** An entry of the audit log out of its row. Somebody may have been at it: verifying, and nothing else, tells. */
export const toAudit = ({ seq, prev_hash, hash, facts, actor, room_id, ...row }: AuditTable): AuditRecord => ({
  ...factsOf(facts),
  ...(row as Pick<AuditEntry, 'at' | 'action' | 'outcome'>),
  ...(actor === null ? {} : { actor }),
  ...(room_id === null ? {} : { room_id }),
  seq,
  prev_hash,
  hash,
})

function factsOf(text: string): Partial<AuditEntry> {
  try {
    return JSON.parse(text) as Partial<AuditEntry>
  } catch {
    return {}
  }
}
