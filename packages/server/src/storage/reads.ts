import {
  endedOf,
  type AccessIds,
  type AuditFilter,
  type AuditHead,
  type AuditRecord,
  type Device,
  type Login,
  type Member,
  type Revocation,
  type Room,
  type RoomEvent,
  type Terminal,
  type User,
} from '@mesh/core'
import { nameKey } from '@mesh/core/names'
import { idList } from './id-list.ts'
import { toAudit, toDevice, toEvent, toMember, toRoom, toTerminal, toUser } from './rows.ts'
import type { Db, TerminalTable } from './tables.ts'

// A read is one statement where it has to see one consistent view: there is no transaction around it.

/** Finds a user. */
export async function findUser(db: Db, user_id: string): Promise<User | undefined> {
  const row = await db.selectFrom('mesh_user').selectAll().where('user_id', '=', user_id).executeTakeFirst()
  return row && toUser(row)
}

/** Finds a built-in account by its login name. */
export async function findUserByName(db: Db, username: string): Promise<User | undefined> {
  const key = nameKey(username)
  const row = await db.selectFrom('mesh_user').selectAll().where('name_key', '=', key).executeTakeFirst()
  return row && toUser(row)
}

/** Users by ascending id. */
export async function listUsers(
  db: Db,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<User[]> {
  const rows = await db
    .selectFrom('mesh_user')
    .selectAll()
    .$if(after !== undefined, (query) => query.where('user_id', '>', after ?? ''))
    .orderBy('user_id')
    .limit(limit)
    .execute()
  return rows.map(toUser)
}

/** Finds a login by its session id. */
export async function findLogin(db: Db, sid: string): Promise<Login | undefined> {
  return db.selectFrom('mesh_login').selectAll().where('sid', '=', sid).executeTakeFirst()
}

/** Finds a device. */
export async function findDevice(db: Db, device_id: string): Promise<Device | undefined> {
  const row = await db.selectFrom('mesh_device').selectAll().where('device_id', '=', device_id).executeTakeFirst()
  return row && toDevice(row)
}

/** Devices by ascending id, of one user or of all. */
export async function listDevices(
  db: Db,
  { user_id, after, limit }: { user_id?: string | undefined; after?: string | undefined; limit: number },
): Promise<Device[]> {
  const rows = await db
    .selectFrom('mesh_device')
    .selectAll()
    .$if(user_id !== undefined, (query) => query.where('user_id', '=', user_id ?? ''))
    .$if(after !== undefined, (query) => query.where('device_id', '>', after ?? ''))
    .orderBy('device_id')
    .limit(limit)
    .execute()
  return rows.map(toDevice)
}

/** The revocations on any of the ids that are still in force. */
export async function findRevocations(db: Db, ids: readonly string[], now: number): Promise<Revocation[]> {
  // Not every dialect knows an empty list.
  if (ids.length === 0) return []
  return db
    .selectFrom('mesh_revocation')
    .selectAll()
    .where('id', 'in', idList(ids))
    .where('expires_at', '>', now)
    .orderBy('id')
    .execute()
}

/** Whose access is over, and what of it. What ends meanwhile may or may not be seen. */
export async function findEnded(db: Db, { user_ids, sids, device_ids }: AccessIds, now: number) {
  const among = async (ids: readonly string[], select: (ids: string[]) => { execute(): Promise<{ id: string }[]> }) =>
    // Not every dialect knows an empty list.
    ids.length === 0 ? [] : (await select(idList(ids)).execute()).map(({ id }) => id)
  // One after the other: they share a connection.
  const users = await among(user_ids, (ids) =>
    db.selectFrom('mesh_user').select('user_id as id').where('user_id', 'in', ids).where('disabled', '=', 1),
  )
  const logins = await among(sids, (ids) =>
    db.selectFrom('mesh_login').select('sid as id').where('sid', 'in', ids).where('revoked_at', 'is not', null),
  )
  const devices = await among(device_ids, (ids) =>
    db.selectFrom('mesh_device').select('device_id as id').where('device_id', 'in', ids),
  )
  const noted = await findRevocations(db, [...user_ids, ...sids], now)
  const there = new Set(devices)
  return endedOf([...users, ...logins, ...device_ids.filter((id) => !there.has(id))], noted)
}

/** Finds a room. */
export async function findRoom(db: Db, room_id: string): Promise<Room | undefined> {
  const row = await db.selectFrom('mesh_room').selectAll().where('room_id', '=', room_id).executeTakeFirst()
  return row && toRoom(row)
}

/** Rooms by ascending id, of one user or of all. */
export async function listRooms(
  db: Db,
  { user_id, after, limit }: { user_id?: string | undefined; after?: string | undefined; limit: number },
): Promise<Room[]> {
  const rows = await db
    .selectFrom('mesh_room')
    .selectAll('mesh_room')
    .$if(user_id !== undefined, (query) =>
      query
        .innerJoin('mesh_member', 'mesh_member.room_id', 'mesh_room.room_id')
        .where('mesh_member.user_id', '=', user_id ?? ''),
    )
    .$if(after !== undefined, (query) => query.where('mesh_room.room_id', '>', after ?? ''))
    .orderBy('mesh_room.room_id')
    .limit(limit)
    .execute()
  return rows.map(toRoom)
}

/** Finds a member with their name. */
export async function findMember(db: Db, room_id: string, user_id: string): Promise<Member | undefined> {
  const row = await db
    .selectFrom('mesh_member')
    .innerJoin('mesh_user', 'mesh_user.user_id', 'mesh_member.user_id')
    .selectAll('mesh_member')
    .select('mesh_user.username')
    .where('mesh_member.room_id', '=', room_id)
    .where('mesh_member.user_id', '=', user_id)
    .executeTakeFirst()
  return row && toMember(row)
}

/**
 * The room, its members and their terminals, in one statement and so in one view. A terminal stands beside its host, so
 * that a member comes once for each of their terminals.
 */
export async function snapshotRoom(
  db: Db,
  room_id: string,
): Promise<{ room: Room; members: Member[]; terminals: Terminal[] } | undefined> {
  const rows = await db
    .selectFrom('mesh_room')
    .innerJoin('mesh_member', 'mesh_member.room_id', 'mesh_room.room_id')
    .innerJoin('mesh_user', 'mesh_user.user_id', 'mesh_member.user_id')
    .leftJoin('mesh_terminal', (join) =>
      join
        .onRef('mesh_terminal.room_id', '=', 'mesh_member.room_id')
        .onRef('mesh_terminal.host_user_id', '=', 'mesh_member.user_id'),
    )
    .selectAll('mesh_terminal')
    .selectAll('mesh_room')
    .select(['mesh_member.user_id', 'mesh_member.role', 'mesh_member.member_seq', 'mesh_member.joined_seq'])
    .select(['mesh_member.created_at as member_created_at', 'mesh_user.username'])
    .where('mesh_room.room_id', '=', room_id)
    .orderBy('mesh_member.created_at')
    .orderBy('mesh_member.user_id')
    .execute()
  // A room always has an owner, so that no rows means no room.
  const [first] = rows
  if (!first) return undefined
  const members = new Map(rows.map((row) => [row.user_id, toMember({ ...row, created_at: row.member_created_at })]))
  // The left join found a terminal where there is an id; then the whole row is there.
  const terminals = rows.flatMap((row) => (row.terminal_id === null ? [] : [toTerminal(row as TerminalTable)]))
  terminals.sort((a, b) => a.started_at - b.started_at || (a.terminal_id < b.terminal_id ? -1 : 1))
  return { room: toRoom(first), members: [...members.values()], terminals }
}

/** Finds an open terminal. */
export async function findTerminal(db: Db, terminal_id: string): Promise<Terminal | undefined> {
  const row = await db.selectFrom('mesh_terminal').selectAll().where('terminal_id', '=', terminal_id).executeTakeFirst()
  return row && toTerminal(row)
}

/** Events by ascending `seq`. */
export async function listEvents(
  db: Db,
  room_id: string,
  { after, limit, type }: { after: number; limit: number; type?: string },
): Promise<RoomEvent[]> {
  const rows = await db
    .selectFrom('mesh_event')
    .selectAll()
    .where('room_id', '=', room_id)
    .where('seq', '>', after)
    .$if(type !== undefined, (query) => query.where('type', '=', type ?? ''))
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map(toEvent)
}

/** Events by descending `seq`. */
export async function listEventsBefore(
  db: Db,
  room_id: string,
  { before, limit, type }: { before?: number | undefined; limit: number; type?: string },
): Promise<RoomEvent[]> {
  const rows = await db
    .selectFrom('mesh_event')
    .selectAll()
    .where('room_id', '=', room_id)
    .$if(before !== undefined, (query) => query.where('seq', '<', before ?? 0))
    .$if(type !== undefined, (query) => query.where('type', '=', type ?? ''))
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toEvent)
}

/** Entries of the audit log by ascending `seq`. */
export async function listAudit(
  db: Db,
  page: { after?: number | undefined; limit: number; latest?: boolean | undefined } & AuditFilter,
): Promise<AuditRecord[]> {
  const { after = 0, limit, latest = false, since, actor, room_id, action } = page
  const rows = await db
    .selectFrom('mesh_audit')
    .selectAll()
    .where('seq', '>', after)
    .$if(since !== undefined, (query) => query.where('at', '>=', since ?? 0))
    .$if(actor !== undefined, (query) => query.where('actor', '=', actor ?? ''))
    .$if(room_id !== undefined, (query) => query.where('room_id', '=', room_id ?? ''))
    .$if(action !== undefined, (query) => query.where('action', '=', action ?? ''))
    .orderBy('seq', latest ? 'desc' : 'asc')
    .limit(limit)
    .execute()
  return (latest ? rows.toReversed() : rows).map(toAudit)
}

/** Where the audit log ends. */
export async function findAuditHead(db: Db): Promise<AuditHead> {
  return db.selectFrom('mesh_audit_head').select(['seq', 'hash']).executeTakeFirstOrThrow()
}

/** The cheapest read that still touches the database. */
export async function probe(db: Db): Promise<void> {
  await db.selectFrom('mesh_user').select('user_id').limit(1).execute()
}
