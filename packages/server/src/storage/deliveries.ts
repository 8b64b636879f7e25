import type { Backlog, DeadLetter, Delivery, NotifyTarget } from '@mesh/core'
import type { Db } from './tables.ts'

/** When the next delivery of a channel is due. */
export async function nextDelivery(db: Db, channel: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('mesh_delivery')
    .select('due_at')
    .where('channel', '=', channel)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.due_at
}

/** Deliveries that are too old, and the oldest of too many. */
export async function overdueDeliveries(
  db: Db,
  channel: string,
  { before, most, limit }: { before: number; most: number; limit: number },
): Promise<Delivery[]> {
  const waiting = db.selectFrom('mesh_delivery').where('channel', '=', channel)
  // The first of the youngest `most`: whatever happened before it is one too many.
  const first = await waiting
    .select(['created_at', 'topic'])
    .orderBy('created_at', 'desc')
    .orderBy('topic', 'desc')
    .offset(most)
    .limit(1)
    .executeTakeFirst()
  return waiting
    .selectAll()
    .where((eb) =>
      eb.or([
        eb('created_at', '<', before),
        ...(first
          ? [
              eb('created_at', '<', first.created_at),
              eb.and([eb('created_at', '=', first.created_at), eb('topic', '<=', first.topic)]),
            ]
          : []),
      ]),
    )
    .orderBy('created_at')
    .orderBy('topic')
    .limit(limit)
    .execute()
}

/** Deliveries that wait, the one due first first. */
export async function listDeliveries(db: Db, { limit }: { limit: number }): Promise<Delivery[]> {
  return db.selectFrom('mesh_delivery').selectAll().orderBy('due_at').orderBy('topic').limit(limit).execute()
}

/** Dead letters, the latest first. */
export async function listDeadLetters(db: Db, { limit }: { limit: number }): Promise<DeadLetter[]> {
  return db
    .selectFrom('mesh_dead_letter')
    .selectAll()
    .orderBy('dead_at', 'desc')
    .orderBy('letter_id', 'desc')
    .limit(limit)
    .execute()
}

/** How much waits and was given up, of each channel. */
export async function readBacklog(db: Db): Promise<Backlog[]> {
  const counted = (table: 'mesh_delivery' | 'mesh_dead_letter') =>
    db
      .selectFrom(table)
      .select((eb) => ['channel' as const, eb.fn.countAll<number>().as('rows')])
      .groupBy('channel')
      .execute()
  const channels = new Map<string, Backlog>()
  for (const [what, rows] of [
    ['waiting', await counted('mesh_delivery')],
    ['dead', await counted('mesh_dead_letter')],
  ] as const) {
    for (const { channel, rows: count } of rows) {
      channels.set(channel, { ...(channels.get(channel) ?? { channel, waiting: 0, dead: 0 }), [what]: Number(count) })
    }
  }
  return [...channels.values()].sort((a, b) => (a.channel < b.channel ? -1 : 1))
}

/** Where the notifications of a user go. */
export async function findNotifyTarget(db: Db, user_id: string): Promise<NotifyTarget | undefined> {
  return db.selectFrom('mesh_notify_target').selectAll().where('user_id', '=', user_id).executeTakeFirst()
}

/** Where notifications go, by ascending user id. */
export async function listNotifyTargets(
  db: Db,
  { after = '', limit }: { after?: string | undefined; limit: number },
): Promise<NotifyTarget[]> {
  return db
    .selectFrom('mesh_notify_target')
    .selectAll()
    .where('user_id', '>', after)
    .orderBy('user_id')
    .limit(limit)
    .execute()
}
