import { isMeshError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Clock, Logger, NewDelivery, NewEvent, Notifier, Storage, Webhook } from '../ports/index.ts'
import { createCourier, type Courier } from './courier.ts'
import { toldBy } from './notices.ts'
import { createNotify, type IsConnected } from './notify.ts'
import { defaultDeliverySettings, type DeliverySettings } from './settings.ts'
import { createStampedStorage } from './stamped-storage.ts'
import { createTellWebhook } from './tell-webhook.ts'

/** What is told to the outside, and when. */
export interface Deliveries {
  /** The storage that every durable event has to go through. */
  readonly storage: Storage
  /** The connection of a device ended; if it stays away, its owner hears of it. */
  deviceLeft(device_id: string | undefined): void
  /** The channels whose service is left alone just now, since it fails again and again. */
  paused(): string[]
  /** Begins nothing more; resolves when nothing is under way. What waits is in the storage. */
  close(): Promise<void>
}

/** @see Deliveries. Without a notifier and webhooks nothing is written down and nothing runs. */
export function createDeliveries(options: {
  storage: Storage
  clock: Clock
  ids: Ids
  logger: Logger
  notifier: Notifier | undefined
  webhooks: readonly Webhook[]
  settings: Partial<DeliverySettings> | undefined
  isConnected: IsConnected
}): Deliveries {
  const { storage, clock, logger, notifier, webhooks } = options
  const settings = { ...defaultDeliverySettings, ...options.settings }
  const store = storage.deliveries
  const writes = new Set<Promise<void>>()
  const couriers: [string, Courier][] = []

  function employ(channel: string, work: Pick<Parameters<typeof createCourier>[0], 'joinedMs' | 'deliver'>): void {
    if (settings.isActive) couriers.push([channel, createCourier({ ...options, settings, store, channel, ...work })])
  }
  if (notifier) employ('notify', { joinedMs: settings.quietMs, deliver: createNotify({ ...options, notifier }) })
  for (const webhook of webhooks) {
    employ(channelOf(webhook), {
      joinedMs: 0,
      deliver: createTellWebhook({ events: storage.events, clock, webhook }),
    })
  }

  function stamp<E extends NewEvent>(event: E): E {
    const deliveries: NewDelivery[] = webhooks.map((webhook) => ({
      channel: channelOf(webhook),
      topic: 'events',
      kind: 'events',
      due_at: event.at,
    }))
    const told = notifier && toldBy(event)
    // Between the devices of one user there is nobody else to tell.
    if (told && told.to_id !== told.from_id) {
      const topic = `${told.kind} ${told.from_id} ${told.to_id ?? ''}`
      deliveries.push({ channel: 'notify', topic, ...told, due_at: event.at + settings.quietMs })
    }
    return deliveries.length > 0 ? { ...event, deliveries } : event
  }

  return {
    storage: notifier || webhooks.length > 0 ? createStampedStorage(storage, stamp) : storage,

    deviceLeft(device_id) {
      if (!notifier || device_id === undefined) return
      const now = clock.now()
      const due_at = now + settings.agentGraceMs
      const left = { channel: 'notify', topic: `agent ${device_id}`, kind: 'agent', from_id: device_id, due_at }
      const write = store.add(left, now).catch((error: unknown) => {
        logger.warn({ code: isMeshError(error) ? error.code : 'INTERNAL' }, 'that a device left was not recorded')
      })
      writes.add(write)
      void write.finally(() => writes.delete(write))
    },

    paused: () => couriers.flatMap(([channel, courier]) => (courier.isPaused ? [channel] : [])),

    async close() {
      await Promise.all(couriers.map(([, courier]) => courier.close()))
      await Promise.all(writes)
    },
  }
}

const channelOf = ({ name }: Webhook): string => `webhook:${name}`
