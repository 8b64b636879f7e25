import type { RoomEvent, Storage } from '../ports/index.ts'
import {
  addRoom,
  addUsers,
  eventOf,
  gaplessSeq,
  ok,
  range,
  same,
  setRole,
  type StorageCase,
} from './storage-contract-kit.ts'

const append = ({ events }: Storage, id: string, user_id = 'usr_a') => events.append('room_1', eventOf(id), { user_id })

const seqs = (events: RoomEvent[]) => events.map(({ seq }) => seq)

async function withRoom(storage: Storage): Promise<void> {
  await addUsers(storage, 'usr_a', 'usr_b')
  await addRoom(storage, 'room_1', 'usr_a')
}

/** What the port promises of the log of a room. */
export const eventCases: readonly StorageCase[] = [
  {
    name: 'events: 100 parallel appends are gapless, and their results arrive in the order of their seq',
    async run(storage) {
      await withRoom(storage)
      const arrived: number[] = []
      await Promise.all(
        range(1, 100).map(async (n) => {
          const result = await append(storage, `e${n}`)
          ok(result.outcome === 'appended', result.outcome)
          arrived.push(result.event.seq)
        }),
      )
      same(arrived, range(2, 101), 'order of arrival')
      same(await gaplessSeq(storage, 'room_1'), 101, 'seq')
      const ids = (await storage.events.list('room_1', { after: 1, limit: 200 })).map(({ id }) => id)
      same(new Set(ids).size, 100, 'each once')
    },
  },
  {
    name: 'events: seq belongs to a room',
    async run(storage) {
      await withRoom(storage)
      await addRoom(storage, 'room_2', 'usr_a')
      const rooms = ['room_1', 'room_2', 'room_1', 'room_2', 'room_2']
      await Promise.all(rooms.map((id, n) => storage.events.append(id, eventOf(`e${n}`), { user_id: 'usr_a' })))
      same([await gaplessSeq(storage, 'room_1'), await gaplessSeq(storage, 'room_2')], [3, 4], 'seq')
    },
  },
  {
    name: 'events: a read that starts after a write resolved sees it',
    async run(storage) {
      await withRoom(storage)
      for (const n of range(2, 21)) {
        await append(storage, `e${n}`)
        const [latest] = await storage.events.before('room_1', { limit: 1 })
        same([latest?.seq, (await storage.rooms.find('room_1'))?.seq], [n, n], 'read your writes')
      }
    },
  },
  {
    name: 'events: an event comes back as it went in: long texts, emoji, nesting',
    async run(storage) {
      await withRoom(storage)
      const text = `${'👩‍👩‍👧‍👦 "quoted" \\ \u2028 \n'.repeat(3_000)}end`
      const payload = {
        text,
        list: [1, 1.5, -0.1, null, true],
        deep: { ключ: ['ü', {}] },
        big: Number.MAX_SAFE_INTEGER,
      }
      const event = { ...eventOf('e2'), from: 'peer_x', at: 1_900_000_000_000, payload }
      const stored = { ...event, room_id: 'room_1', seq: 2 }
      const result = await storage.events.append('room_1', event, { user_id: 'usr_a' })
      same(result, { outcome: 'appended', event: stored }, 'append')
      payload.list.length = 0
      const expected = { ...stored, payload: { ...payload, list: [1, 1.5, -0.1, null, true] } }
      const [read] = await storage.events.list('room_1', { after: 1, limit: 1 })
      same(read, expected, 'list, whatever becomes of the object that went in')
      ok(read, 'read')
      Object.assign(read.payload, { text: 'changed' })
      same(await storage.events.before('room_1', { limit: 1 }), [expected], 'before, whatever becomes of what came out')
    },
  },
  {
    name: 'events: who is no member at the moment of the write is denied, and nothing is written',
    async run(storage) {
      await withRoom(storage)
      same(await append(storage, 'e', 'usr_b'), { outcome: 'denied' }, 'never a member')
      await setRole(storage, 'room_1', 'usr_b', 'guest')
      same((await append(storage, 'e3', 'usr_b')).outcome, 'appended', 'a member')
      const writes = range(1, 20).map((n) => append(storage, `before-${n}`, 'usr_b'))
      const removal = storage.rooms.removeMember({ room_id: 'room_1', user_id: 'usr_b' }, eventOf('removed'))
      const late = range(1, 20).map((n) => append(storage, `after-${n}`, 'usr_b'))
      const removed = await removal
      ok(removed.outcome === 'removed', removed.outcome)
      for (const result of await Promise.all([...writes, ...late])) {
        const early = result.outcome === 'appended' && result.event.seq < removed.event.seq
        ok(early || result.outcome === 'denied', 'written before the removal, or denied')
      }
      same(await append(storage, 'e', 'usr_b'), { outcome: 'denied' }, 'no member any more')
      const [latest] = await storage.events.before('room_1', { limit: 1 })
      same(latest?.seq, removed.event.seq, 'the removal is the last event')
      same(await storage.events.append('room_9', eventOf('e'), { user_id: 'usr_a' }), { outcome: 'missing' }, 'no room')
      await gaplessSeq(storage, 'room_1')
    },
  },
  {
    name: 'events: a list comes in pages by ascending seq, of one type or of all',
    async run(storage) {
      await withRoom(storage)
      const types = ['a', 'b', 'a', 'a', 'b', 'a']
      for (const [index, type] of types.entries()) {
        await storage.events.append('room_1', eventOf(`e${index}`, type), { user_id: 'usr_a' })
      }
      const list = async (after: number, limit: number, type?: string) =>
        seqs(await storage.events.list('room_1', { after, limit, ...(type && { type }) }))
      same(await list(0, 3), [1, 2, 3], 'first page')
      same(await list(3, 3), [4, 5, 6], 'second page')
      same(await list(6, 3), [7], 'last page')
      same(await list(7, 3), [], 'beyond the end')
      same(await list(0, 2, 'a'), [2, 4], 'first page of a type')
      same(await list(4, 9, 'a'), [5, 7], 'second page of a type')
      same(await list(0, 9, 'c'), [], 'a type that is not there')
      const before = async (from: number | undefined, limit: number, type?: string) =>
        seqs(await storage.events.before('room_1', { before: from, limit, ...(type && { type }) }))
      same(await before(undefined, 3), [7, 6, 5], 'latest page')
      same(await before(5, 3), [4, 3, 2], 'the page before')
      same(await before(2, 3), [1], 'earliest page')
      same(await before(1, 3), [], 'before the first')
      same(await before(undefined, 3, 'a'), [7, 5, 4], 'latest page of a type')
      same(await before(4, 3, 'a'), [2], 'the page before of a type')
      same(await storage.events.list('room_9', { after: 0, limit: 9 }), [], 'no such room')
      same(await storage.events.before('room_9', { limit: 9 }), [], 'no such room, backwards')
    },
  },
]
