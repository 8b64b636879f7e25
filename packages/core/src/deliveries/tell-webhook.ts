import type { Clock, Delivery, EventStore, Later, Webhook } from '../ports/index.ts'
import type { Delivered } from './courier.ts'

/** How many events are looked at for those that are too old. */
const mostLookedAt = 1_000
/** How many events one claim is good for, and how long it begins further ones, in milliseconds. */
const batch = { events: 50, ms: 10_000 } as const

/** How many events of a delivery happened before an instant; all where there is none of them any more. */
export async function countBefore(
  events: EventStore,
  { room_id, after, count }: Delivery,
  before: number,
): Promise<number> {
  const found = await events.list(room_id, { after, limit: Math.min(count, mostLookedAt) })
  return found.filter(({ at }) => at < before).length || count
}

/** Gives a service the events of a room that it has not had, one after the other, up to the first that does not get there. */
export function createTellWebhook(options: {
  events: EventStore
  clock: Clock
  send: Webhook['send']
}): (delivery: Delivery, isClosing: () => boolean) => Promise<Delivered> {
  const { events, clock, send } = options

  return async ({ room_id, after, count }, isClosing) => {
    const begun = clock.monotonic()
    const found = await events.list(room_id, { after, limit: Math.min(count, batch.events) })
    // The room is gone, and its events with it.
    if (found.length === 0) return { outcome: 'needless' }
    let told = 0
    let failed: Later | undefined
    for (const event of found) {
      if (isClosing() || clock.monotonic() - begun > batch.ms) break
      const sent = await send(event)
      if (sent.outcome === 'later') {
        failed = sent
        break
      }
      told++
    }
    if (failed && told === 0) return failed
    // What got there is not given again.
    return { outcome: 'done', count: told, after: found[told - 1]?.seq ?? after, ...(failed && { failed }) }
  }
}
