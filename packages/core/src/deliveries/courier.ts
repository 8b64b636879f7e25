import { isMeshError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Clock, Delivery, DeliveryStore, Logger } from '../ports/index.ts'
import { createBreaker } from './breaker.ts'
import type { DeliverySettings } from './settings.ts'

/**
 * What became of a delivery. `done`: so many of its events, all unless told, got there or need not. `addressed`: it is for these
 * users. `later`: it may work out another time. `refused`: it never will.
 */
export type Delivered =
  | { outcome: 'done'; count?: number; after?: number }
  | { outcome: 'addressed'; to: readonly string[] }
  | { outcome: 'later'; reason: string; retry_after_ms?: number | undefined }
  | { outcome: 'refused'; reason: string }

/** Takes what waits on one channel to where it belongs. */
export interface Courier {
  /** Whether the service is left alone just now, since it fails again and again. */
  readonly isPaused: boolean
  /** Begins nothing more; resolves when nothing is under way. */
  close(): Promise<void>
}

/** How many are under way at once. */
const width = 4
/** How long somebody who has claimed a delivery may take for it, in milliseconds: longer than any service may. */
const claimMs = 30_000
/** How often a node looks for what is too old or too many, in milliseconds; how many it buries at once. */
const sweep = { everyMs: 60_000, limit: 200 } as const
/** The longest that a service may ask us to wait, in milliseconds. */
const longestAsked = 3600 * 1000

/** @see Courier */
export function createCourier(options: {
  channel: string
  store: DeliveryStore
  clock: Clock
  ids: Ids
  logger: Logger
  settings: DeliverySettings
  /** How long what joined meanwhile waits; more of the same is expected. */
  joinedMs: number
  deliver(delivery: Delivery): Promise<Delivered>
}): Courier {
  const { channel, store, clock, ids, logger, settings, joinedMs, deliver } = options
  const breaker = createBreaker(settings.breaker)
  let sweepAt = clock.monotonic()
  let isClosed = false
  let isStoreDown = false
  let round: Promise<void> = Promise.resolve()
  let stop = clock.after(settings.pollMs, poll)

  function poll(): void {
    round = run().then(
      () => void (isStoreDown = false),
      (error: unknown) => {
        // Once, not each second for as long as the store is away.
        if (!isStoreDown) logger.warn({ code: codeOf(error) }, 'deliveries wait: the outbox cannot be read')
        isStoreDown = true
      },
    )
    void round.then(() => {
      if (!isClosed) stop = clock.after(settings.pollMs, poll)
    })
  }

  async function run(): Promise<void> {
    if (clock.monotonic() >= sweepAt) await tidy()
    for (;;) {
      const claimed = await claim(Math.min(width, breaker.admits(clock.monotonic())))
      if (claimed.length === 0) return
      await Promise.all(claimed.map(attempt))
    }
  }

  /** Claims some of what is due; with nothing due it only reads. */
  async function claim(most: number): Promise<Delivery[]> {
    const claimed: Delivery[] = []
    while (claimed.length < most && !isClosed) {
      const due_at = await store.next(channel)
      const now = clock.now()
      if (due_at === undefined || due_at > now) break
      const delivery = await store.claim({ channel, claim: ids.uuid(), now, until: now + claimMs })
      // Another node was first, and may be so again: the next look is soon enough.
      if (!delivery) break
      claimed.push(delivery)
    }
    return claimed
  }

  async function attempt(delivery: Delivery): Promise<void> {
    const result = await deliver(delivery).catch((error: unknown): Delivered => ({
      outcome: 'later',
      reason: codeOf(error),
    }))
    const now = clock.now()
    if (result.outcome === 'later') breaker.failed(clock.monotonic())
    else breaker.succeeded()
    switch (result.outcome) {
      case 'done': {
        const { count = delivery.count, after } = result
        return store.finish(delivery, { count, ...(after !== undefined && { after }), due_at: now + joinedMs, now })
      }
      case 'addressed':
        return store.address(
          delivery,
          result.to.map((to_id) => ({ to_id, topic: `to ${to_id} ${delivery.kind}` })),
          now,
        )
      case 'refused':
        return bury(delivery, result.reason)
      case 'later':
        if (now - delivery.created_at > settings.giveUpMs) return bury(delivery, result.reason)
        return store.postpone(delivery, {
          due_at: now + waitOf(delivery, result.retry_after_ms),
          reason: result.reason,
        })
    }
  }

  function waitOf({ attempts }: Delivery, asked = 0): number {
    const { first, longest } = settings.retryMs
    const own = Math.min(longest, first * 2 ** Math.min(attempts - 1, 30))
    return Math.max(own, Math.min(asked, longestAsked))
  }

  async function bury(delivery: Delivery, reason: string): Promise<void> {
    const letter = { letter_id: ids.uuid(), dead_at: clock.now(), reason, keep: settings.keepDead }
    await store.bury(delivery, letter)
    logger.warn({ channel, count: delivery.count }, 'a delivery was given up: it is among the dead letters')
  }

  /** What is never claimed, since the service is left alone, grows old as well. */
  async function tidy(): Promise<void> {
    const { giveUpMs, most } = settings
    const overdue = await store.overdue(channel, { before: clock.now() - giveUpMs, most, limit: sweep.limit })
    for (const delivery of overdue) await bury(delivery, delivery.reason || 'expired')
    sweepAt = clock.monotonic() + (overdue.length < sweep.limit ? sweep.everyMs : 0)
  }

  return {
    get isPaused() {
      return breaker.admits(clock.monotonic()) === 0
    },
    async close() {
      isClosed = true
      stop()
      await round
    },
  }
}

const codeOf = (error: unknown): string => (isMeshError(error) ? error.code : 'INTERNAL')
