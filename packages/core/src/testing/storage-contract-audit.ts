import { verifyChain } from '../audit/chain.ts'
import type { AuditEntry, AuditStore } from '../ports/index.ts'
import { ok, range, same, type StorageCase } from './storage-contract-kit.ts'

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
]
