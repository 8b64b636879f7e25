import type { NewEvent, RoomEvent } from '@mesh/core'
import { appendAudit } from './audit.ts'
import { addDeliveries } from './deliveries.ts'
import { fromEvent, toEvent } from '../rows.ts'
import type { Db, RoomTable } from '../tables.ts'

/**
 * The room, held until the transaction ends, so that writes to one room are serial. An update that changes nothing is the
 * one row lock that every dialect knows.
 */
export async function lockRoom(db: Db, room_id: string): Promise<RoomTable | undefined> {
  return db
    .updateTable('mesh_room')
    .set((eb) => ({ seq: eb.ref('seq') }))
    .where('room_id', '=', room_id)
    .returningAll()
    .executeTakeFirst()
}

/** Puts an event at the end of the log of a locked room, and with it what the audit log and the outbox are to be told. */
export async function appendTo(db: Db, room: Pick<RoomTable, 'room_id' | 'seq'>, event: NewEvent): Promise<RoomEvent> {
  const row = fromEvent(room.room_id, room.seq + 1, event)
  await db.insertInto('mesh_event').values(row).execute()
  await db.updateTable('mesh_room').set({ seq: row.seq }).where('room_id', '=', row.room_id).execute()
  if (event.audit) await appendAudit(db, { at: row.at, room_id: row.room_id, ...event.audit })
  if (event.deliveries) {
    await addDeliveries(db, event.deliveries, { room_id: row.room_id, after: room.seq, at: row.at })
  }
  return toEvent(row)
}
