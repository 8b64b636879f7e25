import type { Claimed, Delivery, DeliveryStore, NewDelivery, NotifyTarget } from '@mesh/core'
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { Db, Tables } from '../tables.ts'

/** A delivery that nobody has tried yet. */
const untried = { attempts: 0, claim: '', reason: '' }

/**
 * Puts deliveries beside those that wait; one whose topic waits joins it. It runs in the transaction of the event that
 * causes them, which holds the room: nobody else touches the topics of a room in another order.
 */
export async function addDeliveries(
  db: Db,
  deliveries: readonly NewDelivery[],
  { room_id, after, at }: { room_id: string; after: number; at: number },
): Promise<void> {
  for (const { channel, topic, kind, from_id = '', to_id = '', due_at, every } of deliveries) {
    const row = { channel, topic: `${room_id} ${topic}`, kind, room_id, from_id, to_id, after, due_at, created_at: at }
    await join(db, { ...row, count: 1, ...untried }, every)
  }
}

async function join(db: Db, row: Delivery, every = false): Promise<void> {
  const or = (eb: ExpressionBuilder<Tables, 'mesh_delivery'>, column: 'room_id' | 'from_id', given: string) =>
    eb.case().when(`mesh_delivery.${column}`, '=', given).then(given).else('').end()
  await db
    .insertInto('mesh_delivery')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['channel', 'topic']).doUpdateSet((eb) => ({
        ...(every
          ? { count: eb(eb.val(row.after + row.count), '-', eb.ref('mesh_delivery.after')) }
          : { count: eb('mesh_delivery.count', '+', row.count), created_at: row.created_at }),
        room_id: or(eb, 'room_id', row.room_id),
        from_id: or(eb, 'from_id', row.from_id),
      })),
    )
    .execute()
}

/** Adds a delivery of its own, or puts the one of its topic off. */
export async function putDelivery(db: Db, delivery: NewDelivery, at: number): Promise<void> {
  const { channel, topic, kind, from_id = '', to_id = '', due_at } = delivery
  const row = { channel, topic, kind, room_id: '', from_id, to_id, after: 0, count: 1, created_at: at, due_at }
  await db
    .insertInto('mesh_delivery')
    .values({ ...row, ...untried })
    .onConflict((conflict) =>
      conflict.columns(['channel', 'topic']).doUpdateSet({ due_at, claim: '', attempts: 0, created_at: at }),
    )
    .execute()
}

/** Claims the delivery that has been due the longest: one row, so that claims never wait for each other in a circle. */
export async function claimDelivery(
  db: Db,
  { channel, claim, now, until }: { channel: string; claim: string; now: number; until: number },
): Promise<Delivery | undefined> {
  return (
    db
      .updateTable('mesh_delivery')
      .set((eb) => ({ claim, due_at: until, attempts: eb('attempts', '+', 1) }))
      .where('channel', '=', channel)
      .where('topic', '=', (eb) =>
        eb
          .selectFrom('mesh_delivery')
          .select('topic')
          .where('channel', '=', channel)
          .where('due_at', '<=', now)
          .orderBy('due_at')
          .orderBy('topic')
          .limit(1),
      )
      // Said again of the row itself: where another node was first, this one waited for it and looks at the row alone.
      .where('due_at', '<=', now)
      .returningAll()
      .executeTakeFirst()
  )
}

/** Puts one delivery for each recipient in the place of a claimed one. */
export async function addressDelivery(
  db: Db,
  claimed: Claimed,
  to: readonly { to_id: string; topic: string; less?: number }[],
  due_at: number,
): Promise<void> {
  const row = await take(db, claimed)
  if (!row) return
  // Always in the same order, so that two nodes never wait for each other.
  const recipients = [...to].sort((a, b) => (a.topic < b.topic ? -1 : 1))
  for (const { less = 0, ...recipient } of recipients) {
    const count = row.count - less
    if (count > 0) await join(db, { ...row, ...recipient, count, due_at, ...untried })
  }
}

/** So many of the events got there; what joined meanwhile waits on. */
export async function finishDelivery(
  db: Db,
  claimed: Claimed,
  { count, after, due_at, now }: { count: number; after?: number; due_at: number; now: number },
): Promise<void> {
  const row = db.updateTable('mesh_delivery').where(isHeld(claimed))
  // Written as it is, whatever its count: that waits for whoever joins just now, and then counts them.
  const found = await row
    .set((eb) => ({ count: eb.ref('count') }))
    .returning('count')
    .executeTakeFirst()
  if (!found) return
  if (found.count <= count) {
    await db.deleteFrom('mesh_delivery').where(isHeld(claimed)).execute()
    return
  }
  const rest = {
    count: found.count - count,
    ...(after !== undefined && { after }),
    created_at: now,
    due_at,
    ...untried,
  }
  await row.set(rest).execute()
}

/** A claimed delivery waits for its next attempt. */
export async function postponeDelivery(
  db: Db,
  claimed: Claimed,
  { due_at, reason }: { due_at: number; reason: string },
): Promise<void> {
  await db.updateTable('mesh_delivery').set({ due_at, reason, claim: '' }).where(isHeld(claimed)).execute()
}

/** Gives a delivery up, or the first of its events, and forgets the oldest dead letters beyond `keep`. */
export async function buryDelivery(
  db: Db,
  claimed: Claimed,
  { letter_id, dead_at, reason, keep, count = Infinity }: Parameters<DeliveryStore['bury']>[1],
): Promise<void> {
  const row = await take(db, claimed)
  if (!row) return
  const { claim: _claim, due_at: _due, ...rest } = row
  const given = Math.min(count, row.count)
  await db
    .insertInto('mesh_dead_letter')
    .values({ ...rest, count: given, letter_id, dead_at, reason })
    .execute()
  const left = { count: row.count - given, after: row.after + given, created_at: dead_at, due_at: dead_at }
  if (left.count > 0) await join(db, { ...row, ...left, ...untried })
  const { rows } = await db
    .selectFrom('mesh_dead_letter')
    .select((eb) => eb.fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow()
  if (rows <= keep) return
  await db
    .deleteFrom('mesh_dead_letter')
    .where('letter_id', 'in', (eb) =>
      eb
        .selectFrom('mesh_dead_letter')
        .select('letter_id')
        .orderBy('dead_at')
        .orderBy('letter_id')
        .limit(rows - keep),
    )
    .execute()
}

/** Sets where the notifications of a user go. */
export async function putNotifyTarget(db: Db, target: NotifyTarget): Promise<void> {
  const { sealed, updated_at } = target
  await db
    .insertInto('mesh_notify_target')
    .values(target)
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet({ sealed, updated_at }))
    .execute()
}

/** Forgets where the notifications of a user go. */
export async function removeNotifyTarget(db: Db, user_id: string): Promise<boolean> {
  const row = await db
    .deleteFrom('mesh_notify_target')
    .where('user_id', '=', user_id)
    .returning('user_id')
    .executeTakeFirst()
  return row !== undefined
}

/** Takes a delivery out, if the claim on it still holds. */
function take(db: Db, claimed: Claimed): Promise<Delivery | undefined> {
  return db.deleteFrom('mesh_delivery').where(isHeld(claimed)).returningAll().executeTakeFirst()
}

const isHeld =
  ({ channel, topic, claim }: Claimed) =>
  (eb: ExpressionBuilder<Tables, 'mesh_delivery'>): Expression<SqlBool> =>
    eb.and({ channel, topic, claim })
