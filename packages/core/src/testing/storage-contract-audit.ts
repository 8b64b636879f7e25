import { verifyChain } from '../audit-chain.ts'
import type { AuditEntry, AuditStore } from '../ports/index.ts'
import { addRoom, addUsers, eventOf, memberEvents, ok, range, same, type StorageCase } from './storage-contract-kit.ts'

const entryOf = (at: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  at,
  action: 'member.role',
  outcome: 'ok',
  ...more,
})

const seqs = async (audit: AuditStore, page: Parameters<AuditStore['list']>[0]) =>
  (await audit.list(page)).map(({ seq }) => seq)

/** What the port promises of the audit log. */
export const auditCases: readonly StorageCase[] = [
  {
    name: 'audit: an entry is found as it was written, in a chain that verifies',
    async run({ audit }) {
      same(await audit.head(), { seq: 0, hash: '' }, 'an empty log')
      same(await verifyChain(audit), { head: { seq: 0, hash: '' } }, 'is sound')
      const full = entryOf(1_000, {
        outcome: 'denied',
        actor: 'usr_a',
        room_id: 'room_1',
        target: 'usr_b',
        caps: ['call', 'screen'],
        fence: 7,
        reason: 'zażółć "quoted" \u2028',
      })
      await audit.append(full)
      await audit.append(entryOf(2_000))
      const [first, second, ...rest] = await audit.list({ limit: 9 })
      ok(first && second, 'two entries')
      same(rest, [], 'and no more')
      same(first, { ...full, seq: 1, prev_hash: '', hash: first.hash }, 'the full one')
      same(second, { ...entryOf(2_000), seq: 2, prev_hash: first.hash, hash: second.hash }, 'the bare one')
      ok(/^[\w-]{43}$/.test(first.hash) && first.hash !== second.hash, 'hashes')
      same(await audit.head(), { seq: 2, hash: second.hash }, 'the head')
      same(await verifyChain(audit), { head: { seq: 2, hash: second.hash } }, 'sound')
    },
  },
  {
    name: 'audit: of many appends at once each has its place',
    async run({ audit }) {
      await Promise.all(range(1, 200).map((n) => audit.append(entryOf(n))))
      same(await seqs(audit, { limit: 1_000 }), range(1, 200), 'gapless')
      same((await verifyChain(audit, undefined, 7)).broken, undefined, 'sound, in small pages')
    },
  },
  {
    name: 'audit: lists by page, from the end, and by what is asked for',
    async run({ audit }) {
      for (const n of range(1, 6)) {
        await audit.append(
          entryOf(n * 1_000, {
            ...(n % 2 === 0 ? { actor: 'usr_a' } : {}),
            ...(n > 3 ? { room_id: 'room_1' } : {}),
            ...(n === 6 ? { action: 'room.update' as const } : {}),
          }),
        )
      }
      same(await seqs(audit, { after: 2, limit: 3 }), [3, 4, 5], 'a page')
      same(await seqs(audit, { limit: 2, latest: true }), [5, 6], 'the last ones, still ascending')
      same(await seqs(audit, { limit: 9, since: 4_000 }), [4, 5, 6], 'since, that instant included')
      same(await seqs(audit, { limit: 9, actor: 'usr_a' }), [2, 4, 6], 'an actor')
      same(await seqs(audit, { limit: 9, room_id: 'room_1' }), [4, 5, 6], 'a room')
      same(await seqs(audit, { limit: 9, action: 'room.update' }), [6], 'an action')
      same(await seqs(audit, { limit: 9, actor: 'usr_a', room_id: 'room_1', after: 4 }), [6], 'all of it together')
      same(await seqs(audit, { limit: 9, actor: 'usr_b' }), [], 'nobody')
    },
  },
  {
    name: 'audit: a decision and its entry are one step: both are there, or neither',
    async run(storage) {
      const { audit, rooms } = storage
      await addUsers(storage, 'usr_a', 'usr_b')
      await addRoom(storage, 'room_1', 'usr_a')
      const change = (user_id: string, role: 'owner' | 'member') =>
        rooms.setMember(
          { room_id: 'room_1', user_id, role, at: 4_000 },
          {
            added: { ...memberEvents('x').added, at: 5_000, audit: { action: 'member.add', outcome: 'ok', role } },
            updated: { ...memberEvents('x').updated, at: 5_000, audit: { action: 'member.role', outcome: 'ok', role } },
          },
        )
      const entries = async () =>
        (await audit.list({ limit: 99 })).map(({ at, action, room_id, role }) => [at, action, room_id, role])
      await change('usr_b', 'member')
      const added = [5_000, 'member.add', 'room_1', 'member']
      same(await entries(), [added], 'added, with the instant and the room of the event')
      ok(
        !(await storage.events.list('room_1', { after: 1, limit: 9 })).some((event) => 'audit' in event),
        'not in the room',
      )
      await change('usr_b', 'member')
      same((await change('usr_a', 'member')).outcome, 'last_owner', 'refused')
      same(await entries(), [added], 'what changed nothing is no decision')
      await change('usr_b', 'owner')
      const removal = { ...eventOf('r'), audit: { action: 'member.remove', outcome: 'ok' } } as const
      await rooms.removeMember({ room_id: 'room_1', user_id: 'usr_nobody' }, removal)
      await rooms.removeMember({ room_id: 'room_1', user_id: 'usr_b' }, removal)
      const deletion = { at: 6_000, action: 'room.delete', outcome: 'ok', room_id: 'room_1' } as const
      await rooms.delete('room_1', deletion)
      await rooms.delete('room_1', deletion)
      same(
        (await entries()).slice(1),
        [
          [5_000, 'member.role', 'room_1', 'owner'],
          [3_000, 'member.remove', 'room_1', undefined],
          [6_000, 'room.delete', 'room_1', undefined],
        ],
        'the rest, each once, and the room is gone',
      )
      same((await verifyChain(audit)).broken, undefined, 'sound')
    },
  },
  {
    name: 'audit: what is told of a lease has its fence',
    async run(storage) {
      const { audit, terminals } = storage
      await addUsers(storage, 'usr_a')
      await addRoom(storage, 'room_1', 'usr_a')
      const terminal = { terminal_id: 'term_1', room_id: 'room_1', title: 'x', cols: null, rows: null }
      const host = { host_peer_id: 'peer_a', host_user_id: 'usr_a', host_device_id: null }
      await terminals.start({ ...terminal, ...host, started_at: 0, alive_until: 100_000 }, eventOf('s'))
      const granted = { ...eventOf('g'), audit: { action: 'lease.grant', outcome: 'ok' } } as const
      const take = {
        terminal_id: 'term_1',
        peer_id: 'peer_a',
        user_id: 'usr_a',
        force: false,
        now: 0,
        expires_at: 15_000,
      }
      await terminals.take(take, granted)
      await terminals.take({ ...take, peer_id: 'peer_b' }, granted)
      await terminals.take({ ...take, peer_id: 'peer_b', force: true }, granted)
      const released = { ...eventOf('r'), audit: { action: 'lease.release', outcome: 'ok' } } as const
      await terminals.release({ terminal_id: 'term_1' }, released)
      same(
        (await audit.list({ limit: 9 })).map(({ action, fence }) => [action, fence]),
        [
          ['lease.grant', 1],
          ['lease.grant', 2],
          ['lease.release', 2],
        ],
        'grants and releases',
      )
    },
  },
]
