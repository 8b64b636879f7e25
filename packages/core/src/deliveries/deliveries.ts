import type { Counts } from '../counts.ts'
import { isMeshError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import { createLeaseClock } from '../lease-clock.ts'
import type {
  Clock,
  Logger,
  NewDelivery,
  NewEvent,
  Notice,
  Notifier,
  RoomEvent,
  Storage,
  Webhook,
} from '../ports/index.ts'
import { createCourier, type Courier, type CourierOptions } from './courier.ts'
import type { Tally } from '../tally.ts'
import { toldBy } from './notices.ts'
import { createNotify, type IsConnected } from './notify.ts'
import { defaultDeliverySettings, type DeliverySettings } from './settings.ts'
import { createStampedStorage } from './stamped-storage.ts'
import { countBefore, createTellWebhook } from './tell-webhook.ts'

/** What is told to the outside, and when. */
export interface Deliveries {
  /** The storage that every durable event has to go through. */
  readonly storage: Storage
  /** The connection of a device ended; if it stays away, its owner hears of it. */
  deviceLeft(device_id: string | undefined): void
  /** Every channel that this node delivers for, and whether its service is left alone just now, since it fails again and again. */
  channels(): [channel: string, isPaused: boolean][]
  /** Begins nothing more; resolves when nothing is under way. What waits is in the storage. */
  close(): Promise<void>
}

/** @see Deliveries. Without a notifier and webhooks nothing is written down and nothing runs. */
export function createDeliveries(options: {
  storage: Storage
  clock: Clock
  ids: Ids
  random: () => number
  logger: Logger
  counts: Pick<Counts, 'notifications' | 'webhooks'>
  notifier: Notifier | undefined
  webhooks: readonly Webhook[]
  settings: Partial<DeliverySettings> | undefined
  isConnected: IsConnected
}): Deliveries {
  const { storage, clock, logger, notifier, webhooks, counts } = options
  const settings = { ...defaultDeliverySettings, ...options.settings }
  const store = storage.deliveries
  // A claim is a lease.
  const { now } = createLeaseClock(clock, storage)
  const writes = new Set<Promise<void>>()
  const couriers: [string, Courier][] = []

  function employ(channel: string, work: Pick<CourierOptions, 'joinedMs' | 'deliver' | 'countBefore'>): void {
    if (settings.isActive)
      couriers.push([channel, createCourier({ ...options, settings, store, now, channel, ...work })])
  }
  if (notifier) {
    const send = counted((notice: Notice) => notifier.send(notice), counts.notifications)
    employ('notify', { joinedMs: settings.quietMs, deliver: createNotify({ ...options, send }) })
  }
  for (const webhook of webhooks) {
    const send = counted((event: RoomEvent) => webhook.send(event), counts.webhooks)
    employ(channelOf(webhook), {
      joinedMs: 0,
      deliver: createTellWebhook({ events: storage.events, clock, send }),
      countBefore: (delivery, before) => countBefore(storage.events, delivery, before),
    })
  }

  function stamp<E extends NewEvent>(event: E): E {
    const deliveries: NewDelivery[] = webhooks.map((webhook) => ({
      channel: channelOf(webhook),
      topic: 'events',
      kind: 'events',
      due_at: now(),
      every: true,
    }))
    const told = notifier && toldBy(event)
    // Between the devices of one user there is nobody else to tell.
    if (told && told.to_id !== told.from_id) {
      const topic = `${told.kind} ${told.from_id} ${told.to_id ?? ''}`
      deliveries.push({ channel: 'notify', topic, ...told, due_at: now() + settings.quietMs })
    }
    return deliveries.length > 0 ? { ...event, deliveries } : event
  }

  return {
    storage: notifier || webhooks.length > 0 ? createStampedStorage(storage, stamp) : storage,

    deviceLeft(device_id) {
      if (!notifier || device_id === undefined) return
      const at = now()
      const due_at = at + settings.agentGraceMs
      const left = { channel: 'notify', topic: `agent ${device_id}`, kind: 'agent', from_id: device_id, due_at }
      const write = store.add(left, at).catch((error: unknown) => {
        logger.warn({ code: isMeshError(error) ? error.code : 'INTERNAL' }, 'that a device left was not recorded')
      })
      writes.add(write)
      void write.finally(() => writes.delete(write))
    },

    channels: () => couriers.map(([channel, courier]) => [channel, courier.isPaused]),

    async close() {
      await Promise.all(couriers.map(([, courier]) => courier.close()))
      await Promise.all(writes)
    },
  }
}

/** Counts what came of each thing that was sent; one that could not be is for later. */
function counted<T, S extends { outcome: string }>(
  send: (what: T) => Promise<S>,
  results: Tally<S['outcome'] | 'later'>,
): (what: T) => Promise<S> {
  return async (what) => {
    try {
      const sent = await send(what)
      results.add(sent.outcome)
      return sent
    } catch (error) {
      results.add('later')
      throw error
    }
  }
}

const channelOf = ({ name }: Webhook): string => `webhook:${name}`
