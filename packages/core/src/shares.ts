import type { Engine } from './context.ts'
import { createRecord } from './record.ts'

/** Notes in the room that something was shared, once, over whichever kind of session. */
export function createShares(
  engine: Pick<Engine, 'storage' | 'clock' | 'ids' | 'logger' | 'publish'>,
): Engine['noteShare'] {
  const { storage, clock, ids } = engine
  const record = createRecord(engine)

  return (room_id, { from, to, purpose, name, bytes }) => {
    if (!purpose.startsWith('share:')) return
    record('a completed share', async () => {
      const payload = {
        from_user_id: from.user_id,
        to_user_id: to.user_id,
        purpose,
        ...(name === undefined ? {} : { name }),
        ...(bytes === undefined ? {} : { bytes }),
      }
      const event = { id: ids.uuid(), type: 'share.completed', from: 'server', at: clock.now(), payload }
      const stored = await storage.events.append(room_id, event, { user_id: from.user_id })
      return 'event' in stored ? stored.event : undefined
    })
  }
}
