import { isMeshError, MeshError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Clock, Delivery, DeliveryStore, Later, Logger } from '../ports/index.ts'
import { createBreaker } from './breaker.ts'
import type { DeliverySettings } from './settings.ts'

/**
 * What became of a delivery. `done`: so many of its events, all unless told, got there, and the next one did not for `failed`.
 * `needless`: nobody has to be told any more. `addressed`: it is for these users, but for the `less` events that each has not missed.
 * `later`: the service may take it another time. `refused`: it never will.
 */
export type Delivered =
  | { outcome: 'done'; count?: number; after?: number; failed?: Later }
  | { outcome: 'needless' }
  | { outcome: 'addressed'; to: readonly { to_id: string; less: number }[] }
  | Later
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
/** How often a node looks for what is too old or too many, in milliseconds; how many it buries at once. */
const sweep = { everyMs: 60_000, limit: 200 } as const
/** The longest that a service may ask us to wait, in milliseconds. */
const longestAsked = 3600 * 1000

/** What a courier is made of. */
export interface CourierOptions {
  channel: string
  store: DeliveryStore
  /** How long things take, here. */
  clock: Pick<Clock, 'monotonic' | 'after'>
  /** What time it is, for all who share the store: by it they know who may do what, and when. */
  now(): number
  ids: Ids
  random: () => number
  logger: Logger
  settings: DeliverySettings
  /** How long what joined meanwhile waits; more of the same is expected. */
  joinedMs: number
  /** How many events of a delivery happened before an instant, where not all are given up together. */
  countBefore?(delivery: Delivery, before: number): Promise<number>
  /** Rejects where the service was not asked, since something of our own is away. */
  deliver(delivery: Delivery, isClosing: () => boolean): Promise<Delivered>
}

/** @see Courier */
export function createCourier(options: CourierOptions): Courier {
  const { channel, store, clock, now, ids, random, logger, settings, joinedMs, countBefore, deliver } = options
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
    for (;;) {
      // Each time: where a service is slow, there may always be one more that is due.
      if (clock.monotonic() >= sweepAt) await tidy()
      const claimed = await claim(Math.min(width, breaker.admits(clock.monotonic())))
      if (claimed.length === 0) return
      const ended = await Promise.allSettled(claimed.map(attempt))
      // Not before the others have ended as well.
      for (const one of ended) if (one.status === 'rejected') throw one.reason
    }
  }

  /** Claims some of what is due; with nothing due it only reads. */
  async function claim(most: number): Promise<Delivery[]> {
    const claimed: Delivery[] = []
    while (claimed.length < most && !isClosed) {
      const due_at = await store.next(channel)
      const at = now()
      if (due_at === undefined || due_at > at) break
      const delivery = await store.claim({ channel, claim: ids.uuid(), now: at, until: at + settings.claimMs })
      // Another node was first, and may be so again: the next look is soon enough.
      if (!delivery) break
      claimed.push(delivery)
    }
    return claimed
  }

  async function attempt(delivery: Delivery): Promise<void> {
    let result: Delivered
    try {
      result = await inTime(deliver(delivery, () => isClosed))
    } catch (error) {
      return again(delivery, codeOf(error))
    }
    const at = now()
    switch (result.outcome) {
      case 'done': {
        breaker.succeeded()
        const { count = delivery.count, after, failed } = result
        if (failed) breaker.failed(clock.monotonic())
        const due_at = at + (failed ? waitOf(1, failed.retry_after_ms) : joinedMs)
        return store.finish(delivery, { count, ...(after !== undefined && { after }), due_at, now: at })
      }
      // Neither this nor the next says anything about the service, which was not asked.
      case 'needless':
        return store.finish(delivery, { count: delivery.count, due_at: at + joinedMs, now: at })
      case 'addressed':
        return store.address(
          delivery,
          // One for each room: who is told of it must still be a member when that succeeds.
          result.to.map((one) => ({ ...one, topic: `to ${one.to_id} ${delivery.kind} ${delivery.room_id}` })),
          at,
        )
      case 'refused':
        breaker.succeeded()
        return bury(delivery, result.reason)
      case 'later':
        breaker.failed(clock.monotonic())
        return again(delivery, result.reason, result.retry_after_ms)
    }
  }

  /** What takes longer than the claim on it lasts is another's by then; and nobody is held up for ever by one that hangs. */
  async function inTime(work: Promise<Delivered>): Promise<Delivered> {
    let stop = () => {}
    const late = new Promise<never>((_, reject) => {
      stop = clock.after(settings.claimMs, () => reject(new MeshError('UNAVAILABLE')))
    })
    return Promise.race([work, late]).finally(() => stop())
  }

  async function again(delivery: Delivery, reason: string, asked?: number): Promise<void> {
    const at = now()
    if (at - delivery.created_at > settings.giveUpMs) return giveUp(delivery, reason)
    return store.postpone(delivery, { due_at: at + waitOf(delivery.attempts, asked), reason })
  }

  /** What failed together is not tried again together, nor before the service has asked for it. */
  function waitOf(attempts: number, asked = 0): number {
    const { first, longest } = settings.retryMs
    const own = Math.min(longest, first * 2 ** Math.min(attempts - 1, 30))
    return Math.round(Math.max(own / 2, Math.min(asked, longestAsked)) + (random() * own) / 2)
  }

  /** What is too old, or one too many, becomes a dead letter; what joined it since is tried on. */
  async function giveUp(delivery: Delivery, reason: string): Promise<void> {
    return bury(delivery, reason, await countBefore?.(delivery, now() - settings.giveUpMs))
  }

  async function bury(delivery: Delivery, reason: string, count = delivery.count): Promise<void> {
    const letter = { letter_id: ids.uuid(), dead_at: now(), reason, keep: settings.keepDead, count }
    await store.bury(delivery, letter)
    logger.warn({ channel, count }, 'a delivery was given up: it is among the dead letters')
  }

  /** What is never claimed, since the service is left alone, grows old as well. */
  async function tidy(): Promise<void> {
    const { giveUpMs, most } = settings
    const overdue = await store.overdue(channel, { before: now() - giveUpMs, most, limit: sweep.limit })
    for (const delivery of overdue) {
      // Somebody is about it: what comes of that decides.
      if (delivery.claim !== '' && delivery.due_at > now()) continue
      await giveUp(delivery, delivery.reason || 'expired')
    }
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
