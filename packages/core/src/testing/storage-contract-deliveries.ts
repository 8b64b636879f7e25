import type { NewDelivery, Storage } from '../ports/index.ts'
import { addRoom, addUsers, eventOf, ok, range, same, type StorageCase } from './storage-contract-kit.ts'

const news = (topic: string, given: Partial<NewDelivery> = {}): NewDelivery => ({
  channel: 'notify',
  topic,
  kind: 'chat',
  from_id: 'usr_a',
  due_at: 10_000,
  ...given,
})

const claimOf = ({ deliveries }: Storage, claim: string, now = 20_000, channel = 'notify') =>
  deliveries.claim({ channel, claim, now, until: now + 30_000 })

/** Appends an event by `usr_a` that is to be delivered. */
const append = ({ events }: Storage, id: string, ...deliveries: NewDelivery[]) =>
  events.append('room_1', { ...eventOf(id), deliveries }, { user_id: 'usr_a' })

async function setUp(storage: Storage): Promise<void> {
  await addUsers(storage, 'usr_a', 'usr_b')
  await addRoom(storage, 'room_1', 'usr_a')
}

/** The outbox. */
export const deliveryCases: readonly StorageCase[] = [
  {
    name: 'deliveries: are written in one step with the event, or not at all, and do not show in the room',
    async run(storage) {
      await setUp(storage)
      await append(storage, 'e2', news('chat usr_a'), news('events', { channel: 'webhook:x', due_at: 0 }))
      const refused = { ...eventOf('e3'), deliveries: [news('other')] }
      same((await storage.events.append('room_1', refused, { user_id: 'usr_b' })).outcome, 'denied', 'no member')
      const base = { room_id: 'room_1', after: 1, count: 1, created_at: 3_000, attempts: 0, claim: '', reason: '' }
      const from = { kind: 'chat', from_id: 'usr_a', to_id: '' }
      same(
        (await storage.deliveries.list({ limit: 9 })).map(sorted),
        [
          { channel: 'webhook:x', topic: 'room_1 events', due_at: 0, ...from, ...base },
          { channel: 'notify', topic: 'room_1 chat usr_a', due_at: 10_000, ...from, ...base },
        ].map(sorted),
        'what waits, the first due first',
      )
      ok(
        !(await storage.events.list('room_1', { after: 0, limit: 9 })).some((event) => 'deliveries' in event),
        'not in the room',
      )
      same(await storage.deliveries.next('notify'), 10_000, 'when the next one is due')
      same(await storage.deliveries.next('other'), undefined, 'another channel')
    },
  },
  {
    name: 'deliveries: those of one topic join, and a repeated event adds nothing',
    async run(storage) {
      await setUp(storage)
      const once = { sender: 's', id: 'i', digest: 'd' }
      const event = { ...eventOf('e2'), deliveries: [news('chat')] }
      for (const _ of range(1, 3)) await storage.events.append('room_1', event, { user_id: 'usr_a', once })
      await append(storage, 'e3', news('chat', { due_at: 99_000 }))
      await append(storage, 'e4', news('chat', { from_id: 'usr_b' }))
      const [joined, ...rest] = await storage.deliveries.list({ limit: 9 })
      same(rest, [], 'one of them')
      const { count, due_at, from_id, room_id, after } = joined ?? {}
      same(
        { count, due_at, from_id, room_id, after },
        { count: 3, due_at: 10_000, from_id: '', room_id: 'room_1', after: 1 },
        'it',
      )
    },
  },
  {
    name: 'deliveries: one of every event counts what was stored meanwhile without one, and keeps the time of the first',
    async run(storage) {
      await setUp(storage)
      const every = news('events', { channel: 'webhook:x', every: true })
      await append(storage, 'e2', every, news('chat'))
      const claimed = await claimOf(storage, 'c', 20_000, 'webhook:x')
      await append(storage, 'e3')
      await storage.events.append(
        'room_1',
        { ...eventOf('e4'), at: 4_000, deliveries: [every, news('chat')] },
        { user_id: 'usr_a' },
      )
      const found = async () =>
        (await storage.deliveries.list({ limit: 9 }))
          .map(({ topic, after, count, created_at }) => [topic, after, count, created_at])
          .sort()
      same(
        await found(),
        [
          ['room_1 chat', 1, 2, 4_000],
          ['room_1 events', 1, 3, 3_000],
        ],
        'all from the first on, and the latest of the others',
      )
      if (claimed) await storage.deliveries.finish(claimed, { count: 2, after: 3, due_at: 0, now: 5_000 })
      same((await found())[1], ['room_1 events', 3, 1, 5_000], 'the rest')
    },
  },
  {
    name: 'deliveries: one that is due is claimed once, by whoever of many comes first; a claim runs out',
    async run(storage) {
      await setUp(storage)
      for (const n of range(1, 5)) await storage.deliveries.add(news(`t${n}`, { due_at: n * 1_000 }), 500)
      same(await claimOf(storage, 'early', 999), undefined, 'none is due')
      const first = await claimOf(storage, 'c', 5_000)
      same([first?.topic, first?.attempts, first?.due_at], ['t1', 1, 35_000], 'the first one')
      const claims = await Promise.all(range(1, 12).map((n) => claimOf(storage, `c${n}`, 5_000)))
      // Whoever loses a race may come away with nothing, but nothing is claimed twice.
      const got = claims.flatMap((claim) => (claim ? [claim.topic] : []))
      same(new Set(got).size, got.length, 'each once')
      for (let more = await claimOf(storage, 'x', 5_000); more; more = await claimOf(storage, 'x', 5_000))
        got.push(more.topic)
      same(got.sort(), ['t2', 't3', 't4', 't5'], 'and all of them')
      const again = await claimOf(storage, 'late', 35_000)
      same([again?.topic, again?.attempts], ['t1', 2], 'after the claim has run out')
      ok(first && again, 'claimed twice')
      for (const count of [0, 1]) await storage.deliveries.finish(first, { count, due_at: 0, now: 0 })
      await storage.deliveries.postpone(first, { due_at: 0, reason: 'lost' })
      const held = (await storage.deliveries.list({ limit: 9 })).find(({ topic }) => topic === 't1')
      same(held && sorted(held), sorted(again), 'a claim that was lost changes nothing')
    },
  },
  {
    name: 'deliveries: what joins while one is under way is left when it is done',
    async run(storage) {
      await setUp(storage)
      await append(storage, 'e2', news('chat'))
      const claimed = await claimOf(storage, 'c')
      await append(storage, 'e3', news('chat'))
      ok(claimed, 'claimed')
      await storage.deliveries.finish(claimed, { count: 1, after: 2, due_at: 40_000, now: 25_000 })
      const [rest] = await storage.deliveries.list({ limit: 9 })
      const { count, after, due_at, created_at, attempts, claim } = rest ?? {}
      same(
        { count, after, due_at, created_at, attempts, claim },
        { count: 1, after: 2, due_at: 40_000, created_at: 25_000, attempts: 0, claim: '' },
        'the rest',
      )
      const last = await claimOf(storage, 'c2', 40_000)
      if (last) await storage.deliveries.finish(last, { count: 1, due_at: 0, now: 0 })
      same(await storage.deliveries.list({ limit: 9 }), [], 'all done')
    },
  },
  {
    name: 'deliveries: one for all becomes one for each, with what joined meanwhile; those for the same recipient join',
    async run(storage) {
      await setUp(storage)
      const recipients = [
        { to_id: 'usr_b', topic: 'to b' },
        { to_id: 'usr_c', topic: 'to c' },
        { to_id: 'usr_d', topic: 'to d', less: 1 },
      ]
      await append(storage, 'e2', news('chat a'))
      await append(storage, 'e3', news('chat b', { from_id: 'usr_z' }))
      for (const claim of ['c1', 'c2']) {
        const failed = await claimOf(storage, claim)
        if (failed) await storage.deliveries.postpone(failed, { due_at: 0, reason: 'status 500' })
        const claimed = await claimOf(storage, claim)
        if (claim === 'c1') await append(storage, 'e4', news('chat a'))
        if (claimed) await storage.deliveries.address(claimed, recipients, 30_000)
        if (claimed) await storage.deliveries.address(claimed, recipients, 30_000)
      }
      const found = await storage.deliveries.list({ limit: 9 })
      same(
        found.map((one) => [one.topic, one.to_id, one.from_id, one.count, one.attempts, one.reason, one.due_at]),
        [
          ['to b', 'usr_b', '', 3, 0, '', 30_000],
          ['to c', 'usr_c', '', 3, 0, '', 30_000],
          ['to d', 'usr_d', 'usr_a', 1, 0, '', 30_000],
        ],
        'one for each, from several',
      )
    },
  },
  {
    name: 'deliveries: one that is added again is put off, and whoever had claimed it has lost it',
    async run(storage) {
      const { deliveries } = storage
      await deliveries.add(news('agent'), 500)
      const claimed = await claimOf(storage, 'c')
      await deliveries.add(news('agent', { due_at: 50_000 }), 700)
      if (claimed) await deliveries.finish(claimed, { count: 1, due_at: 0, now: 0 })
      const [still] = await deliveries.list({ limit: 9 })
      same([still?.due_at, still?.count, still?.claim, still?.created_at], [50_000, 1, '', 700], 'put off')
    },
  },
  {
    name: 'deliveries: a failed one waits, and one that is given up becomes a dead letter, of which the latest are kept',
    async run(storage) {
      const { deliveries } = storage
      for (const n of range(1, 4)) await deliveries.add(news(`t${n}`, { due_at: n }), n)
      const claimed = await claimOf(storage, 'c')
      if (claimed) await deliveries.postpone(claimed, { due_at: 60_000, reason: 'status 500' })
      const postponed = (await deliveries.list({ limit: 9 })).at(-1)
      same([postponed?.topic, postponed?.reason, postponed?.claim], ['t1', 'status 500', ''], 'postponed')
      for (const n of range(2, 4)) {
        const next = await claimOf(storage, 'c')
        if (next) await deliveries.bury(next, { letter_id: `l${n}`, dead_at: n, reason: 'expired', keep: 2 })
        if (next) await deliveries.bury(next, { letter_id: `again${n}`, dead_at: n, reason: 'expired', keep: 2 })
      }
      const letters = await deliveries.dead({ limit: 9 })
      same(
        letters.map(({ letter_id, topic, attempts, reason }) => [letter_id, topic, attempts, reason]),
        [
          ['l4', 't4', 1, 'expired'],
          ['l3', 't3', 1, 'expired'],
        ],
        'letters',
      )
      same((await deliveries.list({ limit: 9 })).length, 1, 'no longer waiting')
    },
  },
  {
    name: 'deliveries: of one that is given up in part the rest waits on, with what joined meanwhile',
    async run(storage) {
      await setUp(storage)
      const every = news('events', { every: true })
      for (const id of ['e2', 'e3', 'e4']) await append(storage, id, every)
      const claimed = await claimOf(storage, 'c')
      await append(storage, 'e5', every)
      ok(claimed, 'claimed')
      for (const letter_id of ['l1', 'l2']) {
        await storage.deliveries.bury(claimed, { letter_id, dead_at: 60_000, reason: 'expired', keep: 9, count: 2 })
      }
      const [left, ...others] = await storage.deliveries.list({ limit: 9 })
      const { after, count, created_at, due_at, attempts, claim } = left ?? {}
      same([after, count, created_at, due_at, attempts, claim], [3, 2, 60_000, 60_000, 0, ''], 'the rest, as a new one')
      same(others, [], 'alone')
      same(
        (await storage.deliveries.dead({ limit: 9 })).map((letter) => [letter.letter_id, letter.after, letter.count]),
        [['l1', 1, 2]],
        'the letter',
      )
    },
  },
  {
    name: 'deliveries: those that are too old, and the oldest of too many, are found',
    async run({ deliveries }) {
      for (const n of range(1, 5)) await deliveries.add(news(`t${n}`, { due_at: 99 - n }), n)
      await deliveries.add(news('t0', { channel: 'other' }), 0)
      const found = async (before: number, most: number, limit = 9) =>
        (await deliveries.overdue('notify', { before, most, limit })).map(({ topic }) => topic)
      same(await found(3, 9), ['t1', 't2'], 'old ones')
      same(await found(0, 3), ['t1', 't2'], 'too many')
      same(await found(4, 4, 2), ['t1', 't2'], 'both, limited')
      same(await found(0, 5), [], 'neither')
    },
  },
  {
    name: 'deliveries: what waits and what was given up is counted, of each channel',
    async run({ deliveries }) {
      same(await deliveries.backlog(), [], 'nothing')
      for (const n of range(1, 3)) await deliveries.add(news(`t${n}`, { due_at: n }), n)
      await deliveries.add(news('t1', { channel: 'webhook:x' }), 1)
      await deliveries.add(news('t1', { channel: 'gone', due_at: 0 }), 1)
      for (const channel of ['notify', 'gone']) {
        const claimed = await deliveries.claim({ channel, claim: channel, now: 9, until: 99 })
        if (claimed) await deliveries.bury(claimed, { letter_id: channel, dead_at: 9, reason: 'expired', keep: 9 })
      }
      same(
        await deliveries.backlog(),
        [
          { channel: 'gone', waiting: 0, dead: 1 },
          { channel: 'notify', waiting: 2, dead: 1 },
          { channel: 'webhook:x', waiting: 1, dead: 0 },
        ],
        'counted',
      )
    },
  },
  {
    name: 'deliveries: where notifications of users go',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      const { notifyTargets } = storage
      const target = { user_id: 'usr_b', sealed: 's1', updated_at: 1 }
      await notifyTargets.put(target)
      await notifyTargets.put({ ...target, sealed: 's2' })
      await notifyTargets.put({ user_id: 'usr_a', sealed: 's', updated_at: 2 })
      same((await notifyTargets.find('usr_b'))?.sealed, 's2', 'the latest')
      same(await notifyTargets.find('usr_c'), undefined, 'nobody')
      same(
        (await notifyTargets.list({ limit: 9 })).map(({ user_id }) => user_id),
        ['usr_a', 'usr_b'],
        'all',
      )
      same((await notifyTargets.list({ after: 'usr_a', limit: 9 })).length, 1, 'a page')
      same([await notifyTargets.remove('usr_b'), await notifyTargets.remove('usr_b')], [true, false], 'removed')
    },
  },
]

function sorted<T extends object>(value: T): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
}
