import type { Claimed, Delivery, DeliveryStore, NotifyTargetStore } from '../ports/index.ts'
import { deliveryOf, join, keyOf, untried, type OpenTables } from './storage-tables.ts'

/** The outbox of the memory storage. */
export function createDeliveries(open: OpenTables): DeliveryStore {
  const of = (channel: string) =>
    [...open().deliveries.values()].filter((delivery) => delivery.channel === channel).sort(byDue)

  /** The claimed one, if the claim still holds. */
  const held = ({ channel, topic, claim }: Claimed): Delivery | undefined => {
    const delivery = open().deliveries.get(keyOf(channel, topic))
    return delivery?.claim === claim ? delivery : undefined
  }

  const remove = ({ channel, topic }: Delivery) => void open().deliveries.delete(keyOf(channel, topic))

  return {
    async add(delivery, at) {
      const { deliveries } = open()
      const key = keyOf(delivery.channel, delivery.topic)
      const known = deliveries.get(key)
      if (known) Object.assign(known, { due_at: delivery.due_at, claim: '', attempts: 0, created_at: at })
      else deliveries.set(key, deliveryOf(delivery, { room_id: '', after: 0, at }))
    },

    async next(channel) {
      return of(channel)[0]?.due_at
    },

    async claim({ channel, claim, now, until }) {
      const delivery = of(channel)[0]
      if (!delivery || delivery.due_at > now) return undefined
      Object.assign(delivery, { claim, due_at: until, attempts: delivery.attempts + 1 })
      return { ...delivery }
    },

    async address(claimed, to, due_at) {
      const delivery = held(claimed)
      if (!delivery) return
      remove(delivery)
      for (const { less = 0, ...recipient } of to) {
        const count = delivery.count - less
        const fresh = { ...delivery, ...recipient, count, due_at, ...untried }
        if (count > 0) join(open().deliveries, fresh)
      }
    },

    async finish(claimed, { count, after, due_at, now }) {
      const delivery = held(claimed)
      if (!delivery) return
      if (delivery.count <= count) return remove(delivery)
      const rest = { count: delivery.count - count, created_at: now, due_at, ...untried }
      Object.assign(delivery, rest, after !== undefined && { after })
    },

    async postpone(claimed, { due_at, reason }) {
      const delivery = held(claimed)
      if (delivery) Object.assign(delivery, { due_at, reason, claim: '' })
    },

    async bury(claimed, { letter_id, dead_at, reason, keep, count = Infinity }) {
      const delivery = held(claimed)
      if (!delivery) return
      remove(delivery)
      const { claim: _claim, due_at: _due, ...rest } = delivery
      const { deliveries, deadLetters } = open()
      const given = Math.min(count, delivery.count)
      deadLetters.push({ ...rest, count: given, letter_id, dead_at, reason })
      const left = {
        count: delivery.count - given,
        after: delivery.after + given,
        created_at: dead_at,
        due_at: dead_at,
      }
      if (left.count > 0) join(deliveries, { ...delivery, ...left, ...untried })
      deadLetters.splice(0, deadLetters.length - keep)
    },

    async overdue(channel, { before, most, limit }) {
      const oldest = of(channel).sort((a, b) => a.created_at - b.created_at || (a.topic < b.topic ? -1 : 1))
      const beyond = oldest.length - most
      return oldest
        .filter(({ created_at }, index) => created_at < before || index < beyond)
        .slice(0, limit)
        .map((delivery) => ({ ...delivery }))
    },

    async list({ limit }) {
      return [...open().deliveries.values()]
        .sort(byDue)
        .slice(0, limit)
        .map((delivery) => ({ ...delivery }))
    },

    async dead({ limit }) {
      return open()
        .deadLetters.toReversed()
        .slice(0, limit)
        .map((letter) => ({ ...letter }))
    },

    async backlog() {
      const { deliveries, deadLetters } = open()
      const waiting = [...deliveries.values()]
      const channels = new Set([...waiting, ...deadLetters].map(({ channel }) => channel))
      return [...channels].sort().map((channel) => ({
        channel,
        waiting: waiting.filter((delivery) => delivery.channel === channel).length,
        dead: deadLetters.filter((letter) => letter.channel === channel).length,
      }))
    },
  }
}

/** Where notifications go, in the memory storage. */
export function createNotifyTargets(open: OpenTables): NotifyTargetStore {
  return {
    async put(target) {
      open().notifyTargets.set(target.user_id, { ...target })
    },
    async find(user_id) {
      const found = open().notifyTargets.get(user_id)
      return found && { ...found }
    },
    async remove(user_id) {
      return open().notifyTargets.delete(user_id)
    },
    async list({ after = '', limit }) {
      return [...open().notifyTargets.values()]
        .filter(({ user_id }) => user_id > after)
        .sort((a, b) => (a.user_id < b.user_id ? -1 : 1))
        .slice(0, limit)
        .map((target) => ({ ...target }))
    },
  }
}

const byDue = (a: Delivery, b: Delivery): number => a.due_at - b.due_at || (a.topic < b.topic ? -1 : 1)
