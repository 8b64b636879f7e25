import type { Storage } from '../ports/index.ts'
import {
  addRoom,
  addUsers,
  eventOf,
  gaplessSeq,
  memberEvents,
  ok,
  range,
  same,
  setRole,
  type StorageCase,
} from './storage-contract-kit.ts'

const remove = ({ rooms }: Storage, user_id: string) =>
  rooms.removeMember({ room_id: 'room_1', user_id }, eventOf(`${user_id}-removed`, 'room.member.removed'))

const demote = ({ rooms }: Storage, user_id: string) =>
  rooms.setMember({ room_id: 'room_1', user_id, role: 'member', at: 5_000 }, memberEvents(`${user_id}-demoted`))

async function owners({ rooms }: Storage): Promise<string[]> {
  const { members = [] } = (await rooms.snapshot('room_1')) ?? {}
  return members.filter(({ role }) => role === 'owner').map(({ user_id }) => user_id)
}

/** What the port promises of members. */
export const memberCases: readonly StorageCase[] = [
  {
    name: 'members: added, changed, unchanged, removed, each with its event',
    async run(storage) {
      const { rooms } = storage
      await addUsers(storage, 'usr_a', 'usr_b')
      await addRoom(storage, 'room_1', 'usr_a')
      const set = (role: 'member' | 'guest', id: string) =>
        rooms.setMember({ room_id: 'room_1', user_id: 'usr_b', role, at: 4_000 }, memberEvents(id))

      const added = { ...eventOf('e2', 'room.member.added'), room_id: 'room_1', seq: 2 }
      same(await set('guest', 'e2'), { outcome: 'added', event: added, previous: undefined }, 'added')
      const expected = {
        room_id: 'room_1',
        user_id: 'usr_b',
        username: 'usr_b name',
        role: 'guest',
        member_seq: 2,
        joined_seq: 2,
        created_at: 4_000,
      }
      same(await rooms.member('room_1', 'usr_b'), expected, 'the new member')
      const updated = { ...eventOf('e3', 'room.member.updated'), room_id: 'room_1', seq: 3 }
      same(await set('member', 'e3'), { outcome: 'updated', event: updated, previous: 'guest' }, 'updated')
      same(await rooms.member('room_1', 'usr_b'), { ...expected, role: 'member', member_seq: 3 }, 'the changed member')
      same(await set('member', 'e4'), { outcome: 'unchanged' }, 'unchanged')
      same(await gaplessSeq(storage, 'room_1'), 3, 'nothing appended')
      const removed = { ...eventOf('usr_b-removed', 'room.member.removed'), room_id: 'room_1', seq: 4 }
      same(await remove(storage, 'usr_b'), { outcome: 'removed', event: removed }, 'removed')
      same(await rooms.member('room_1', 'usr_b'), undefined, 'gone')
      same(await remove(storage, 'usr_b'), { outcome: 'missing' }, 'removed again')
      same(await gaplessSeq(storage, 'room_1'), 4, 'nothing appended by a refusal')
    },
  },
  {
    name: 'members: no such room or user is missing and writes nothing',
    async run(storage) {
      const { rooms } = storage
      await addUsers(storage, 'usr_a')
      await addRoom(storage, 'room_1', 'usr_a')
      const change = { room_id: 'room_1', user_id: 'usr_nobody', role: 'member', at: 1 } as const
      same(await rooms.setMember(change, memberEvents('e')), { outcome: 'missing' }, 'no such user')
      const elsewhere = { ...change, room_id: 'room_2', user_id: 'usr_a' }
      same(await rooms.setMember(elsewhere, memberEvents('e')), { outcome: 'missing' }, 'no such room')
      same(await remove(storage, 'usr_nobody'), { outcome: 'missing' }, 'remove')
      same(await gaplessSeq(storage, 'room_1'), 1, 'seq')
    },
  },
  {
    name: 'members: a later membership of the same user has higher numbers',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      await addRoom(storage, 'room_1', 'usr_a')
      await setRole(storage, 'room_1', 'usr_b', 'member')
      await setRole(storage, 'room_1', 'usr_b', 'guest')
      const former = await storage.rooms.member('room_1', 'usr_b')
      await remove(storage, 'usr_b')
      await setRole(storage, 'room_1', 'usr_b', 'guest')
      const later = await storage.rooms.member('room_1', 'usr_b')
      ok(former && later, 'a member both times')
      same([former.joined_seq, former.member_seq], [2, 3], 'the former membership')
      same([later.joined_seq, later.member_seq], [5, 5], 'the later membership')
    },
  },
  {
    name: 'members: the last owner can neither be demoted nor removed',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      await addRoom(storage, 'room_1', 'usr_a')
      await setRole(storage, 'room_1', 'usr_b', 'member')
      same(await demote(storage, 'usr_a'), { outcome: 'last_owner' }, 'demote')
      same(await remove(storage, 'usr_a'), { outcome: 'last_owner' }, 'remove')
      same(await gaplessSeq(storage, 'room_1'), 2, 'nothing appended')
      await setRole(storage, 'room_1', 'usr_b', 'owner')
      same((await demote(storage, 'usr_a')).outcome, 'updated', 'demote with a second owner')
      same(await remove(storage, 'usr_b'), { outcome: 'last_owner' }, 'the second one is the last one now')
      same((await remove(storage, 'usr_a')).outcome, 'removed', 'the former owner may go')
      same(await owners(storage), ['usr_b'], 'owners')
    },
  },
  {
    name: 'members: of two owners who leave at once exactly one stays',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b', 'usr_c')
      await addRoom(storage, 'room_1', 'usr_a')
      await setRole(storage, 'room_1', 'usr_b', 'owner')
      const left = await Promise.all([remove(storage, 'usr_a'), remove(storage, 'usr_b')])
      same(left.map(({ outcome }) => outcome).sort(), ['last_owner', 'removed'], 'both leave')
      const [stayed = ''] = await owners(storage)
      await setRole(storage, 'room_1', 'usr_c', 'owner')
      const mixed = await Promise.all([demote(storage, stayed), remove(storage, 'usr_c')])
      same(mixed.filter(({ outcome }) => outcome === 'last_owner').length, 1, 'one demoted, one leaves')
      same((await owners(storage)).length, 1, 'owners')
      await gaplessSeq(storage, 'room_1')
    },
  },
  {
    name: 'members: a snapshot is one consistent view, members by created_at, then user_id',
    async run(storage) {
      const ids = range(10, 39).map((n) => `usr_${n}`)
      await addUsers(storage, 'usr_a', ...ids)
      await addRoom(storage, 'room_1', 'usr_a')
      const writes = ids
        .toReversed()
        .map((user_id, index) =>
          storage.rooms.setMember(
            { room_id: 'room_1', user_id, role: 'guest', at: index < 15 ? 9_000 : 8_000 },
            memberEvents(user_id),
          ),
        )
      const progress = { done: false }
      const all = Promise.all(writes).then(() => (progress.done = true))
      while (!progress.done) {
        const { room, members = [] } = (await storage.rooms.snapshot('room_1')) ?? {}
        same(members.length, room?.seq, 'as many members as events')
        // A storage may answer reads without a turn of the event loop, which the writes' answers need.
        await new Promise<void>((resume) => setTimeout(resume, 0))
      }
      await all
      const { members = [] } = (await storage.rooms.snapshot('room_1')) ?? {}
      same(
        members.map(({ user_id }) => user_id),
        ['usr_a', ...ids],
        'order',
      )
    },
  },
]
