import type { Clock, Delivery, EventStore, Webhook } from '../ports/index.ts'
import type { Delivered } from './courier.ts'

/** How many events one claim is good for, and how long it begins further ones, in milliseconds. */
const batch = { events: 50, ms: 10_000 } as const

/** Gives a service the events of a room that it has not had, one after the other, up to the first that does not get there. */
export function createTellWebhook(options: {
  events: EventStore
  clock: Clock
  webhook: Webhook
}): (delivery: Delivery) => Promise<Delivered> {
  const { events, clock, webhook } = options

  return async ({ room_id, after, count }) => {
    const begun = clock.monotonic()
    const found = await events.list(room_id, { after, limit: Math.min(count, batch.events) })
    // The room is gone, and its events with it.
    if (found.length === 0) return { outcome: 'done' }
    let told = 0
    for (const event of found) {
      if (clock.monotonic() - begun > batch.ms) break
      const sent = await webhook.send(event)
      // What got there is not given again.
      if (sent.outcome === 'later' && told === 0) return sent
      if (sent.outcome === 'later') break
      told++
    }
    return { outcome: 'done', count: told, after: found[told - 1]?.seq ?? after }
  }
}
