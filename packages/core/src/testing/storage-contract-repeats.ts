import type { Storage } from '../ports/index.ts'
import {
  addRoom,
  addUsers,
  eventOf,
  gaplessSeq,
  range,
  same,
  setRole,
  type StorageCase,
} from './storage-contract-kit.ts'

const guardOf = (id: string, digest = 'd1', sender = 'usr_a') => ({ user_id: 'usr_a', once: { sender, id, digest } })

async function withRoom(storage: Storage): Promise<void> {
  await addUsers(storage, 'usr_a', 'usr_b')
  await addRoom(storage, 'room_1', 'usr_a')
}

/** What the port promises of requests and calls that come more than once. */
export const repeatCases: readonly StorageCase[] = [
  {
    name: 'repeats: the same sender, id and digest returns the first event, also after others',
    async run(storage) {
      const { events } = storage
      await withRoom(storage)
      const event = { ...eventOf('e2'), room_id: 'room_1', seq: 2 }
      same(await events.append('room_1', eventOf('e2'), guardOf('i')), { outcome: 'appended', event }, 'first')
      same(await events.append('room_1', eventOf('other'), guardOf('i')), { outcome: 'repeated', event }, 'at once')
      for (const n of range(1, 30)) await events.append('room_1', eventOf(`n${n}`), guardOf(`n${n}`))
      same(await events.append('room_1', eventOf('e2'), guardOf('i')), { outcome: 'repeated', event }, 'after others')
      same(await gaplessSeq(storage, 'room_1'), 32, 'nothing appended')
    },
  },
  {
    name: 'repeats: another digest or another room is a conflict, another sender or id is not',
    async run(storage) {
      const { events } = storage
      await withRoom(storage)
      await addRoom(storage, 'room_2', 'usr_a')
      await events.append('room_1', eventOf('e2'), guardOf('i'))
      same(await events.append('room_1', eventOf('e3'), guardOf('i', 'd2')), { outcome: 'conflict' }, 'other digest')
      same(await events.append('room_2', eventOf('e3'), guardOf('i')), { outcome: 'conflict' }, 'other room')
      same((await events.append('room_1', eventOf('e3'), guardOf('i', 'd2', 'dev_1'))).outcome, 'appended', 'sender')
      same((await events.append('room_1', eventOf('e4'), guardOf('j', 'd2'))).outcome, 'appended', 'other id')
      same((await events.append('room_1', eventOf('e2'), guardOf('i'))).outcome, 'repeated', 'the first one still')
      same(await gaplessSeq(storage, 'room_1'), 4, 'seq')
      same(await gaplessSeq(storage, 'room_2'), 1, 'seq of the other room')
    },
  },
  {
    name: 'repeats: of 20 parallel appends with one id one is written',
    async run(storage) {
      await withRoom(storage)
      const results = await Promise.all(
        range(1, 20).map((n) => storage.events.append('room_1', eventOf(`e${n}`), guardOf('i'))),
      )
      const outcomes = results.map(({ outcome }) => outcome)
      same(outcomes.filter((outcome) => outcome === 'appended').length, 1, 'appended')
      same(outcomes.filter((outcome) => outcome === 'repeated').length, 19, 'repeated')
      same(new Set(results.map((result) => 'event' in result && result.event.id)).size, 1, 'all the same event')
      same(await gaplessSeq(storage, 'room_1'), 2, 'seq')
    },
  },
  {
    name: 'repeats: a repetition by who is no member any more is denied, and a denied id is not used up',
    async run(storage) {
      const { events, rooms } = storage
      await withRoom(storage)
      const guard = { user_id: 'usr_b', once: { sender: 'usr_b', id: 'i', digest: 'd' } }
      same(await events.append('room_1', eventOf('e'), guard), { outcome: 'denied' }, 'no member yet')
      await setRole(storage, 'room_1', 'usr_b', 'member')
      same((await events.append('room_1', eventOf('e'), guard)).outcome, 'appended', 'a member')
      await rooms.removeMember({ room_id: 'room_1', user_id: 'usr_b' }, eventOf('r'))
      same(await events.append('room_1', eventOf('e'), guard), { outcome: 'denied' }, 'no member any more')
    },
  },
  {
    name: 'missed calls: one event for a pair and a minute, counted in its first event',
    async run(storage) {
      const { events } = storage
      await withRoom(storage)
      const call = { room_id: 'room_1', from_user_id: 'usr_a', to_user_id: 'usr_b', purpose: 'call' }
      const miss = (id: string, at: number, change = {}) =>
        events.missedCall({ ...call, ...change }, { id, type: 'call.missed', from: 'server', at })
      const { room_id, ...pair } = call
      const first = { room_id, seq: 2, id: 'm1', type: 'call.missed', from: 'server', at: 100_000 }
      same(await miss('m1', 100_000), { ...first, payload: { ...pair, count: 1 } }, 'first')
      await events.append('room_1', eventOf('between'), { user_id: 'usr_a' })
      same(await miss('m2', 130_000, { purpose: 'screen' }), { ...first, payload: { ...pair, count: 2 } }, 'second')
      same(await miss('m3', 159_999), { ...first, payload: { ...pair, count: 3 } }, 'third, just within the minute')
      same(await gaplessSeq(storage, 'room_1'), 3, 'one event')
      same(await events.list('room_1', { after: 1, limit: 1 }), [{ ...first, payload: { ...pair, count: 3 } }], 'list')
      const back = await miss('m4', 130_000, { from_user_id: 'usr_b', to_user_id: 'usr_a' })
      same([back?.seq, back?.payload['count']], [4, 1], 'the other way round is another pair')
      const later = await miss('m5', 160_001)
      same([later?.id, later?.seq, later?.payload['count']], ['m5', 5, 1], 'a minute after the first, a new event')
      const counted = await miss('m6', 161_000)
      same([counted?.id, counted?.seq, counted?.payload['count']], ['m5', 5, 2], 'which counts from there')
      same(await miss('m7', 1, { room_id: 'room_9' }), undefined, 'no such room')
    },
  },
  {
    name: 'missed calls: parallel ones are all counted',
    async run(storage) {
      await withRoom(storage)
      const call = { room_id: 'room_1', from_user_id: 'usr_a', to_user_id: 'usr_b', purpose: 'call' }
      const event = { id: 'm', type: 'call.missed', from: 'server', at: 1_000 }
      await Promise.all(range(1, 20).map(() => storage.events.missedCall(call, event)))
      const [stored] = await storage.events.before('room_1', { limit: 1 })
      same([stored?.seq, stored?.payload['count']], [2, 20], 'seq and count')
    },
  },
]
