import type { Role } from '../acl.ts'
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

const room_id = 'room_1'

/** An invitation by the room's owner that is good from 5,000 to 10,000. */
const inviteOf = (invite_id: string, change: object = {}) => ({
  invite_id,
  room_id,
  role: 'guest' as Role,
  created_by: 'usr_a' as string | null,
  created_at: 5_000,
  expires_at: 10_000,
  max_uses: 1,
  ...change,
})

const guardOf = (invite_id: string, change: object = {}) => ({
  code_hash: `${invite_id} hash`,
  member_seq: 1 as number | null,
  most: 9,
  ...change,
})

async function withInvites(storage: Storage, ...invites: ReturnType<typeof inviteOf>[]): Promise<void> {
  await addUsers(storage, 'usr_a', 'usr_b', 'usr_c')
  await addRoom(storage, room_id, 'usr_a')
  for (const invite of invites) {
    same(await storage.invites.create(invite, guardOf(invite.invite_id)), 'created', invite.invite_id)
  }
}

const find = ({ invites }: Storage, invite_id: string, now = 5_000) => invites.find(`${invite_id} hash`, now)
const accept = ({ invites }: Storage, user_id: string, invite_id = 'inv_1', now = 6_000) =>
  invites.accept({ room_id, invite_id, user_id, now }, eventOf(`${user_id}-in`, 'room.member.added'))
const idsOf = async ({ invites }: Storage, page: object = {}) =>
  (await invites.list(room_id, { limit: 9, now: 6_000, ...page })).map(({ invite_id }) => invite_id)

/** What the port promises of invitations. */
export const inviteCases: readonly StorageCase[] = [
  {
    name: 'invites: found by the hash of the code as it was made; absence is undefined',
    async run(storage) {
      await withInvites(storage, inviteOf('inv_1', { role: 'owner', max_uses: 3 }))
      const expected = { ...inviteOf('inv_1', { role: 'owner', max_uses: 3 }), uses: 0 }
      same(await find(storage, 'inv_1'), expected, 'found, without its hash')
      same(await find(storage, 'inv_2'), undefined, 'unknown')
      same(await find(storage, 'inv_1', 9_999), expected, 'in its last millisecond')
      same(await find(storage, 'inv_1', 10_000), undefined, 'expired')
      same(
        await storage.invites.create(inviteOf('inv_3', { room_id: 'room_2' }), guardOf('inv_3')),
        'missing',
        'no room',
      )
    },
  },
  {
    name: 'invites: accepting adds the member with its event, and counts the use',
    async run(storage) {
      await withInvites(storage, inviteOf('inv_1', { role: 'member', max_uses: 2 }))
      const event = { ...eventOf('usr_b-in', 'room.member.added'), room_id, seq: 2 }
      same(await accept(storage, 'usr_b'), { outcome: 'added', event }, 'accepted')
      const member = { room_id, user_id: 'usr_b', username: 'usr_b name', role: 'member' }
      same(
        await storage.rooms.member(room_id, 'usr_b'),
        { ...member, member_seq: 2, joined_seq: 2, created_at: 6_000 },
        'the member',
      )
      same((await find(storage, 'inv_1'))?.uses, 1, 'one use')
      same(await gaplessSeq(storage, room_id), 2, 'seq')
    },
  },
  {
    name: 'invites: a member already stays as they are, and costs no use, even where none is left',
    async run(storage) {
      await withInvites(storage, inviteOf('inv_1'))
      same(await accept(storage, 'usr_a'), { outcome: 'unchanged' }, 'the owner')
      same((await find(storage, 'inv_1'))?.uses, 0, 'no use')
      same((await accept(storage, 'usr_b')).outcome, 'added', 'the one it is for')
      same(await accept(storage, 'usr_b'), { outcome: 'unchanged' }, 'again')
      same(await accept(storage, 'usr_c'), { outcome: 'missing' }, 'used up')
      same((await find(storage, 'inv_1'))?.uses, 1, 'found though used up')
      same((await storage.rooms.member(room_id, 'usr_a'))?.role, 'owner', 'the role stays')
      same(await gaplessSeq(storage, room_id), 2, 'nothing appended by the others')
    },
  },
  {
    name: 'invites: of 50 who accept at once, as many come in as it has uses',
    async run(storage) {
      await withInvites(storage, inviteOf('inv_1', { max_uses: 3 }))
      const users = range(10, 59).map((n) => `usr_${n}`)
      await addUsers(storage, ...users)
      const results = await Promise.all(users.map((user_id) => accept(storage, user_id)))
      same(results.filter(({ outcome }) => outcome === 'added').length, 3, 'added')
      same((await storage.rooms.snapshot(room_id))?.members.length, 4, 'members')
      same(await gaplessSeq(storage, room_id), 4, 'events')
    },
  },
  {
    name: 'invites: what is over, unknown or for nobody is missing, and writes nothing',
    async run(storage) {
      await withInvites(storage, inviteOf('inv_1'))
      same(await accept(storage, 'usr_b', 'inv_1', 10_000), { outcome: 'missing' }, 'expired')
      same(await accept(storage, 'usr_b', 'inv_2'), { outcome: 'missing' }, 'unknown')
      same(await accept(storage, 'usr_nobody'), { outcome: 'missing' }, 'no such user')
      await addRoom(storage, 'room_2', 'usr_a')
      const elsewhere = { room_id: 'room_2', invite_id: 'inv_1', user_id: 'usr_b', now: 6_000 }
      same(await storage.invites.accept(elsewhere, eventOf('e')), { outcome: 'missing' }, 'of another room')
      same(await storage.invites.revoke('room_2', 'inv_1'), false, 'revoked through another room')
      same((await find(storage, 'inv_1'))?.uses, 0, 'no use')
      same(await gaplessSeq(storage, room_id), 1, 'nothing appended')
    },
  },
  {
    name: 'invites: one is good only while its maker is what they were, and is not disabled',
    async run(storage) {
      await withInvites(storage)
      const { invites, rooms, users } = storage
      const member_seq = await setRole(storage, room_id, 'usr_b', 'owner')
      const make = (id: string, seq: number) =>
        invites.create(inviteOf(id, { created_by: 'usr_b' }), guardOf(id, { member_seq: seq }))
      const isDead = async (id: string, when: string) => {
        same(await find(storage, id), undefined, `${when}: found`)
        same(await accept(storage, 'usr_c', id), { outcome: 'missing' }, `${when}: accepted`)
        same(await idsOf(storage), [], `${when}: listed`)
      }
      same(await make('inv_1', member_seq), 'created', 'by an owner')
      await users.update('usr_b', { disabled: true })
      await isDead('inv_1', 'disabled')
      await users.update('usr_b', { disabled: false })
      same(await idsOf(storage), ['inv_1'], 'enabled again')
      const demoted = await setRole(storage, room_id, 'usr_b', 'member')
      await isDead('inv_1', 'demoted')
      same(await make('inv_2', member_seq), 'denied', 'made with what was judged before')
      same(await make('inv_2', demoted), 'created', 'as what they are now')
      await rooms.removeMember({ room_id, user_id: 'usr_b' }, eventOf('out', 'room.member.removed'))
      await isDead('inv_2', 'removed')
      same(await make('inv_3', demoted), 'denied', 'made when no longer a member')
      await setRole(storage, room_id, 'usr_b', 'owner')
      await isDead('inv_2', 'back again')
    },
  },
  {
    name: "invites: an administrator's needs no membership",
    async run(storage) {
      await withInvites(storage)
      const make = (id: string) =>
        storage.invites.create(inviteOf(id, { created_by: null }), guardOf(id, { member_seq: null, most: 1 }))
      same(await make('inv_1'), 'created', 'made')
      same(await make('inv_2'), 'created', 'and another, since nobody counts them')
      same((await find(storage, 'inv_1'))?.created_by, null, 'found')
      same((await accept(storage, 'usr_b')).outcome, 'added', 'accepted')
    },
  },
  {
    name: 'invites: a member has at most so many open in a room',
    async run(storage) {
      await withInvites(storage, inviteOf('inv_1'))
      const make = (id: string, most: number, change: object = {}) =>
        storage.invites.create(inviteOf(id, change), guardOf(id, { most }))
      same(await make('inv_2', 1), 'full', 'one more')
      same(await find(storage, 'inv_2'), undefined, 'nothing was written')
      const other = await setRole(storage, room_id, 'usr_b', 'member')
      const ofOther = inviteOf('inv_2', { created_by: 'usr_b' })
      same(
        await storage.invites.create(ofOther, guardOf('inv_2', { member_seq: other, most: 1 })),
        'created',
        'of another',
      )
      await accept(storage, 'usr_c')
      same(await make('inv_3', 1), 'created', 'in place of one that is used up')
      same(await make('inv_4', 1, { created_at: 10_000, expires_at: 20_000 }), 'created', 'of one that has expired')
    },
  },
  {
    name: 'invites: listed by ascending id, page after page, while they let somebody in; revoked and deleted ones are gone',
    async run(storage) {
      await withInvites(
        storage,
        inviteOf('inv_3'),
        inviteOf('inv_1', { max_uses: 2 }),
        inviteOf('inv_4', { expires_at: 6_000 }),
        inviteOf('inv_2'),
      )
      same(await idsOf(storage), ['inv_1', 'inv_2', 'inv_3'], 'all that are good')
      same(await idsOf(storage, { limit: 1 }), ['inv_1'], 'the first page')
      same(await idsOf(storage, { limit: 2, after: 'inv_1' }), ['inv_2', 'inv_3'], 'the next page')
      await accept(storage, 'usr_b', 'inv_2')
      await accept(storage, 'usr_c', 'inv_1')
      same(await idsOf(storage), ['inv_1', 'inv_3'], 'without the one that is used up')
      same(await storage.invites.revoke(room_id, 'inv_3'), true, 'revoke')
      same(await storage.invites.revoke(room_id, 'inv_3'), false, 'revoke again')
      same(await idsOf(storage), ['inv_1'], 'without the revoked one')
      await storage.rooms.delete(room_id)
      same(await find(storage, 'inv_1'), undefined, 'gone with its room')
      same(await idsOf(storage), [], 'the list of a room that is gone')
    },
  },
]
