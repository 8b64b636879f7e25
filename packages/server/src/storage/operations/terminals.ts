import type { NewEvent, Release, Renewal, RoomEvent, Take, Terminal, TerminalRefusal } from '@mesh/core'
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { idList } from '../id-list.ts'
import { fromTerminal, toTerminal } from '../rows.ts'
import type { Db, RoomTable, Tables } from '../tables.ts'
import { appendTo, lockRoom } from './log.ts'
import { findMember } from './members.ts'

type Refused = { outcome: 'denied' | 'missing' }

/** Adds a terminal; the room's dead ones go. */
export async function startTerminal(
  db: Db,
  terminal: Omit<Terminal, 'fence' | 'lease'>,
  event: NewEvent,
): Promise<{ outcome: 'started'; event: RoomEvent } | Refused> {
  const { room_id, host_user_id, started_at } = terminal
  const room = await lockRoom(db, room_id)
  if (!room) return { outcome: 'missing' }
  if (!(await findMember(db, room_id, host_user_id))) return { outcome: 'denied' }
  await db.deleteFrom('mesh_terminal').where('room_id', '=', room_id).where('alive_until', '<=', started_at).execute()
  await db.insertInto('mesh_terminal').values(fromTerminal(terminal)).execute()
  return { outcome: 'started', event: await appendTo(db, room, event) }
}

/** Ends a terminal, and before it the lease where there is one. */
export async function stopTerminal(
  db: Db,
  { terminal_id, member }: { terminal_id: string; member?: string },
  events: { released: NewEvent; stopped: NewEvent },
): Promise<{ outcome: 'stopped'; released?: RoomEvent; stopped: RoomEvent } | Refused> {
  const room = await lockRoomOf(db, terminal_id, member)
  if ('outcome' in room) return room
  const row = await db
    .deleteFrom('mesh_terminal')
    .where('terminal_id', '=', terminal_id)
    .returningAll()
    .executeTakeFirstOrThrow()
  if (row.holder_peer_id === null) return { outcome: 'stopped', stopped: await appendTo(db, room, events.stopped) }
  const released = await appendTo(db, room, withFence(events.released, row.fence))
  const stopped = await appendTo(db, { ...room, seq: released.seq }, events.stopped)
  return { outcome: 'stopped', released, stopped }
}

/** Gives control to a peer, if the lease allows it or by force, and raises the fence. */
export async function takeTerminal(
  db: Db,
  { terminal_id, peer_id, user_id, force, now, expires_at }: Take,
  event: NewEvent,
): Promise<{ outcome: 'granted'; fence: number; event: RoomEvent } | TerminalRefusal> {
  const room = await lockRoomOf(db, terminal_id, user_id)
  if ('outcome' in room) return room
  const granted = await db
    .updateTable('mesh_terminal')
    .set((eb) => ({ fence: eb('fence', '+', 1), holder_peer_id: peer_id, holder_user_id: user_id, expires_at }))
    .where('terminal_id', '=', terminal_id)
    .where('alive_until', '>', now)
    .$if(!force, (query) =>
      query.where((eb) =>
        eb.or([eb('holder_peer_id', 'is', null), eb('expires_at', '<=', now), eb('holder_peer_id', '=', peer_id)]),
      ),
    )
    .returning('fence')
    .executeTakeFirst()
  if (!granted) return conflict(db, terminal_id, now)
  const { fence } = granted
  return { outcome: 'granted', fence, event: await appendTo(db, room, withFence(event, fence)) }
}

/** Puts off the end of a lease that has not run out. */
export async function renewTerminal(
  db: Db,
  { terminal_id, peer_id, user_id, fence, now, expires_at }: Renewal,
): Promise<{ outcome: 'renewed' } | TerminalRefusal> {
  const room = await lockRoomOf(db, terminal_id, user_id)
  if ('outcome' in room) return room
  const renewed = await db
    .updateTable('mesh_terminal')
    .set({ expires_at })
    .where('terminal_id', '=', terminal_id)
    .where('alive_until', '>', now)
    .where('holder_peer_id', '=', peer_id)
    .where('fence', '=', fence)
    .where('expires_at', '>', now)
    .returning('terminal_id')
    .executeTakeFirst()
  return renewed ? { outcome: 'renewed' } : conflict(db, terminal_id, now)
}

/** Ends the lease that is meant, if it is so; the fence stays. */
export async function releaseTerminal(
  db: Db,
  { terminal_id, holder, fence, overdue, member }: Release,
  event: NewEvent,
): Promise<{ outcome: 'released'; event: RoomEvent } | TerminalRefusal> {
  const room = await lockRoomOf(db, terminal_id, member)
  if ('outcome' in room) return room
  const isMeant = (eb: ExpressionBuilder<Tables, 'mesh_terminal'>): Expression<SqlBool> =>
    eb.and([
      eb('holder_peer_id', 'is not', null),
      ...(holder === undefined ? [] : [eb('holder_peer_id', '=', holder)]),
      ...(fence === undefined ? [] : [eb('fence', '=', fence)]),
      ...(overdue === undefined ? [] : [eb('expires_at', '<=', overdue)]),
    ])
  const released = await db
    .updateTable('mesh_terminal')
    .set({ holder_peer_id: null, holder_user_id: null, expires_at: null })
    .where('terminal_id', '=', terminal_id)
    .where(isMeant)
    .returning('fence')
    .executeTakeFirst()
  if (!released) return conflict(db, terminal_id)
  return { outcome: 'released', event: await appendTo(db, room, withFence(event, released.fence)) }
}

/** How many terminals one statement vouches for. */
const batch = 64

/** The node of their hosts vouches for these terminals. */
export async function touchTerminals(db: Db, terminal_ids: readonly string[], alive_until: number): Promise<void> {
  for (let start = 0; start < terminal_ids.length; start += batch) {
    const ids = idList(terminal_ids.slice(start, start + batch))
    await db.updateTable('mesh_terminal').set({ alive_until }).where('terminal_id', 'in', ids).execute()
  }
}

/** The room of a terminal, held until the transaction ends: a removal of the member comes before or after it. */
async function lockRoomOf(db: Db, terminal_id: string, member: string | undefined): Promise<RoomTable | Refused> {
  const found = await roomIdOf(db, terminal_id)
  const room = found && (await lockRoom(db, found.room_id))
  // Asked again under the lock: the terminal may have gone while this waited for it.
  if (!room || !(await roomIdOf(db, terminal_id))) return { outcome: 'missing' }
  if (member !== undefined && !(await findMember(db, room.room_id, member))) return { outcome: 'denied' }
  return room
}

function roomIdOf(db: Db, terminal_id: string): Promise<{ room_id: string } | undefined> {
  return db.selectFrom('mesh_terminal').select('room_id').where('terminal_id', '=', terminal_id).executeTakeFirst()
}

/** Why a condition did not hold: the terminal is dead, or is as it comes back. */
async function conflict(db: Db, terminal_id: string, now = 0): Promise<TerminalRefusal> {
  const row = await db
    .selectFrom('mesh_terminal')
    .selectAll()
    .where('terminal_id', '=', terminal_id)
    .where('alive_until', '>', now)
    .executeTakeFirst()
  return row ? { outcome: 'conflict', terminal: toTerminal(row) } : { outcome: 'missing' }
}

function withFence(event: NewEvent, fence: number): NewEvent {
  const { payload, audit } = event
  return { ...event, payload: { ...payload, fence }, ...(audit && { audit: { ...audit, fence } }) }
}
