import type { NewEvent, RoomEvent } from '@mesh/core'
import { fromEvent, toEvent } from '../rows.ts'
import type { Db } from '../tables.ts'
import { appendTo, lockRoom } from './log.ts'
import { findMember } from './members.ts'

/** Appends an event for a member of the room; with `once`, a repetition returns the first one. */
export async function appendEvent(
  db: Db,
  room_id: string,
  event: NewEvent,
  { user_id, once }: { user_id: string; once?: { sender: string; id: string; digest: string } },
): Promise<{ outcome: 'appended' | 'repeated'; event: RoomEvent } | { outcome: 'conflict' | 'denied' | 'missing' }> {
  const room = await lockRoom(db, room_id)
  if (!room) return { outcome: 'missing' }
  if (!(await findMember(db, room_id, user_id))) return { outcome: 'denied' }
  if (once) {
    const first = await db
      .selectFrom('mesh_event_once')
      .selectAll()
      .where('sender', '=', once.sender)
      .where('id', '=', once.id)
      .executeTakeFirst()
    if (first) {
      if (first.digest !== once.digest || first.room_id !== room_id) return { outcome: 'conflict' }
      return { outcome: 'repeated', event: await eventAt(db, room_id, first.seq) }
    }
  }
  const appended = await appendTo(db, room, event)
  if (once) {
    const { sender, id, digest } = once
    await db.insertInto('mesh_event_once').values({ sender, id, digest, room_id, seq: appended.seq }).execute()
  }
  return { outcome: 'appended', event: appended }
}

/** Records a missed call, or counts it in the event of the same pair within a window of time. */
export async function recordMissedCall(
  db: Db,
  call: { room_id: string; from_user_id: string; to_user_id: string; purpose: string },
  event: Omit<NewEvent, 'payload'>,
  window_ms: number,
): Promise<RoomEvent | undefined> {
  const { room_id, from_user_id, to_user_id, purpose } = call
  const room = await lockRoom(db, room_id)
  if (!room) return undefined
  const pair = { room_id, from_user_id, to_user_id }
  const latest = await db
    .selectFrom('mesh_missed_call')
    .selectAll()
    .where('room_id', '=', room_id)
    .where('from_user_id', '=', from_user_id)
    .where('to_user_id', '=', to_user_id)
    .executeTakeFirst()

  if (latest && event.at - latest.at < window_ms) {
    const first = await eventAt(db, room_id, latest.seq)
    const count = latest.count + 1
    const counted = { ...first, payload: { ...first.payload, count } }
    await db
      .updateTable('mesh_event')
      .set({ payload: fromEvent(room_id, first.seq, counted).payload })
      .where('room_id', '=', room_id)
      .where('seq', '=', first.seq)
      .execute()
    await noteMissedCall(db, { ...latest, count })
    return counted
  }
  const appended = await appendTo(db, room, { ...event, payload: { from_user_id, to_user_id, purpose, count: 1 } })
  await noteMissedCall(db, { ...pair, seq: appended.seq, at: event.at, count: 1 })
  return appended
}

async function noteMissedCall(
  db: Db,
  row: { room_id: string; from_user_id: string; to_user_id: string; seq: number; at: number; count: number },
): Promise<void> {
  const { seq, at, count } = row
  await db
    .insertInto('mesh_missed_call')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['room_id', 'from_user_id', 'to_user_id']).doUpdateSet({ seq, at, count }),
    )
    .execute()
}

async function eventAt(db: Db, room_id: string, seq: number): Promise<RoomEvent> {
  return toEvent(
    await db
      .selectFrom('mesh_event')
      .selectAll()
      .where('room_id', '=', room_id)
      .where('seq', '=', seq)
      .executeTakeFirstOrThrow(),
  )
}
