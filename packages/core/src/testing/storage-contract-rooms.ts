import type { RoomPolicy } from '../acl.ts'
import {
  addRoom,
  addUsers,
  eventOf,
  gaplessSeq,
  ok,
  rejects,
  same,
  setRole,
  type StorageCase,
} from './storage-contract-kit.ts'

/** What the port promises of rooms. */
export const roomCases: readonly StorageCase[] = [
  {
    name: 'rooms: a new room has its owner as the one member and its first event; absence is undefined',
    async run(storage) {
      const { rooms, events } = storage
      await addUsers(storage, 'usr_a')
      const first = { ...eventOf('room_1'), room_id: 'room_1', seq: 1 }
      same(await addRoom(storage, 'room_1', 'usr_a'), first, 'the event')
      const room = { room_id: 'room_1', name: 'room_1 name', owner_user_id: 'usr_a', created_at: 2_000 }
      const member = { room_id: 'room_1', user_id: 'usr_a', username: 'usr_a name', role: 'owner', created_at: 2_000 }
      const whole = {
        room: { ...room, policy: {}, policy_seq: 1, seq: 1 },
        members: [{ ...member, member_seq: 1, joined_seq: 1 }],
        terminals: [],
      }
      same(await rooms.find('room_1'), whole.room, 'find')
      same(await rooms.member('room_1', 'usr_a'), whole.members[0], 'member')
      same(await rooms.snapshot('room_1'), whole, 'snapshot')
      same(await events.list('room_1', { after: 0, limit: 9 }), [first], 'events')
      same(await rooms.find('room_2'), undefined, 'an unknown room')
      same(await rooms.member('room_2', 'usr_a'), undefined, 'a member of an unknown room')
      same(await rooms.member('room_1', 'usr_b'), undefined, 'an unknown member')
      same(await rooms.snapshot('room_2'), undefined, 'a snapshot of an unknown room')
      same(await rooms.update('room_2', { name: 'x' }, eventOf('e')), undefined, 'update of an unknown room')
      same(await rooms.delete('room_2'), false, 'delete of an unknown room')
    },
  },
  {
    name: 'rooms: a room that cannot be created leaves nothing behind, and its neighbours come through',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      await addRoom(storage, 'room_1', 'usr_a')
      const [before, failed, again, after] = await Promise.allSettled([
        storage.events.append('room_1', eventOf('e2'), { user_id: 'usr_a' }),
        addRoom(storage, 'room_2', 'usr_nobody'),
        addRoom(storage, 'room_1', 'usr_a'),
        storage.events.append('room_1', eventOf('e3'), { user_id: 'usr_a' }),
      ])
      same([before.status, after.status], ['fulfilled', 'fulfilled'], 'the neighbours')
      same([failed.status, again.status], ['rejected', 'rejected'], 'an unknown owner, an id that is taken')
      same(await storage.rooms.find('room_2'), undefined, 'no room')
      same(await storage.events.list('room_2', { after: 0, limit: 9 }), [], 'no events')
      same(await storage.rooms.list({ limit: 9 }), [await storage.rooms.find('room_1')], 'not in the list')
      same(await gaplessSeq(storage, 'room_1'), 3, 'the first room goes on')
      await addUsers(storage, 'usr_nobody')
      same((await addRoom(storage, 'room_2', 'usr_nobody')).seq, 1, 'the id is free')
    },
  },
  {
    name: 'rooms: update changes name or policy and appends; policy_seq follows the policy alone',
    async run(storage) {
      const { rooms } = storage
      await addUsers(storage, 'usr_a')
      await addRoom(storage, 'room_1', 'usr_a')
      const created = await rooms.find('room_1')
      ok(created, 'created')
      const renamed = { ...eventOf('e2', 'room.updated'), room_id: 'room_1', seq: 2 }
      same(await rooms.update('room_1', { name: 'Größe 🚀' }, eventOf('e2', 'room.updated')), renamed, 'rename')
      same(await rooms.find('room_1'), { ...created, name: 'Größe 🚀', seq: 2 }, 'renamed')
      const policy: RoomPolicy = { caps: { guest: ['call', 'x:y'] }, relay_only: true, max_size: 2 ** 50, max_rate: 0 }
      same((await rooms.update('room_1', { policy }, eventOf('e3')))?.seq, 3, 'policy')
      policy.relay_only = false
      const restricted = {
        ...created,
        name: 'Größe 🚀',
        seq: 3,
        policy_seq: 3,
        policy: { ...policy, relay_only: true },
      }
      same(await rooms.find('room_1'), restricted, 'the policy as it was given')
      await rooms.update('room_1', { policy: { allow_local: true } }, eventOf('e4'))
      same((await rooms.find('room_1'))?.policy, { allow_local: true }, 'a policy takes the place of the former one')
      same(await gaplessSeq(storage, 'room_1'), 4, 'seq')
    },
  },
  {
    name: 'rooms: delete takes members and events along; later writes are missing and the id is free',
    async run(storage) {
      const { rooms, events } = storage
      await addUsers(storage, 'usr_a', 'usr_b')
      await addRoom(storage, 'room_1', 'usr_a')
      await addRoom(storage, 'room_2', 'usr_a')
      await setRole(storage, 'room_1', 'usr_b', 'member')
      const guard = { user_id: 'usr_a', once: { sender: 'usr_a', id: 'e3', digest: 'd' } }
      await events.append('room_1', eventOf('e3'), guard)
      const call = { room_id: 'room_1', from_user_id: 'usr_a', to_user_id: 'usr_b', purpose: 'call' }
      const missed = { id: 'm', type: 'call.missed', from: 'server', at: 5_000 }
      await events.missedCall(call, missed)

      same(await rooms.delete('room_1'), true, 'delete')
      same(await rooms.delete('room_1'), false, 'delete again')
      same(await rooms.find('room_1'), undefined, 'find')
      same(await rooms.member('room_1', 'usr_b'), undefined, 'member')
      same(await rooms.snapshot('room_1'), undefined, 'snapshot')
      same(await rooms.list({ user_id: 'usr_b', limit: 9 }), [], "the member's rooms")
      same(await events.list('room_1', { after: 0, limit: 9 }), [], 'events')
      same(await events.before('room_1', { limit: 9 }), [], 'events, backwards')
      same(await events.append('room_1', eventOf('e3'), guard), { outcome: 'missing' }, 'a repetition')
      same(await events.append('room_1', eventOf('e4'), { user_id: 'usr_a' }), { outcome: 'missing' }, 'append')
      same(await events.missedCall(call, missed), undefined, 'missed call')
      const removal = await rooms.removeMember({ room_id: 'room_1', user_id: 'usr_b' }, eventOf('e5'))
      same(removal, { outcome: 'missing' }, 'removeMember')
      same((await rooms.find('room_2'))?.seq, 1, 'other rooms stay')

      same((await addRoom(storage, 'room_1', 'usr_a')).seq, 1, 'the id again')
      same(await rooms.member('room_1', 'usr_b'), undefined, 'former members are none')
      same((await events.append('room_1', eventOf('e3'), guard)).outcome, 'appended', 'former ids are forgotten')
      same((await events.missedCall({ ...call }, missed))?.payload['count'], 1, 'former calls are forgotten')
    },
  },
  {
    name: 'rooms: lists come in pages by ascending id, of one user or of all',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      for (const id of ['room_d', 'room_b', 'room_a']) await addRoom(storage, id, 'usr_a')
      for (const id of ['room_e', 'room_c']) await addRoom(storage, id, 'usr_b')
      await setRole(storage, 'room_b', 'usr_b', 'guest')
      const ids = async (page: { user_id?: string; after?: string; limit: number }) =>
        (await storage.rooms.list(page)).map(({ room_id }) => room_id)
      same(await ids({ limit: 3 }), ['room_a', 'room_b', 'room_c'], 'first page of all')
      same(await ids({ after: 'room_c', limit: 3 }), ['room_d', 'room_e'], 'second page of all')
      same(await ids({ user_id: 'usr_b', limit: 2 }), ['room_b', 'room_c'], 'first page of a user')
      same(await ids({ user_id: 'usr_b', after: 'room_c', limit: 2 }), ['room_e'], 'second page of a user')
      same(await ids({ user_id: 'usr_c', limit: 2 }), [], 'of nobody')
      const listed = await storage.rooms.list({ user_id: 'usr_b', limit: 1 })
      same(listed, [await storage.rooms.find('room_b')], 'a room in a list is the whole room')
    },
  },
  {
    name: 'rooms: a payload that is no JSON is refused before anything is written',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      await addRoom(storage, 'room_1', 'usr_a')
      const broken = { ...eventOf('e'), payload: { size: 1n } }
      await rejects(storage.rooms.update('room_1', { name: 'other' }, broken), 'update')
      await rejects(storage.events.append('room_1', broken, { user_id: 'usr_a' }), 'append')
      same((await storage.rooms.find('room_1'))?.name, 'room_1 name', 'the name')
      same(await gaplessSeq(storage, 'room_1'), 1, 'seq')
    },
  },
]
