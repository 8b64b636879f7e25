import { expect, test } from 'vitest'
import { createMemoryStorage } from './memory/storage.ts'
import type { AuditRecord, AuditStore } from './ports/index.ts'
import { verifyChain } from './audit-chain.ts'

/** A sound log of five entries, and whoever has been at it. */
async function tampered(change: (records: AuditRecord[]) => AuditRecord[]): Promise<AuditStore> {
  const { audit } = createMemoryStorage()
  for (let at = 1; at <= 5; at++) await audit.append({ at, action: 'member.role', outcome: 'ok', role: 'guest' })
  const records = change(await audit.list({ limit: 10 }))
  return { ...audit, list: async ({ after = 0, limit }) => records.filter(({ seq }) => seq > after).slice(0, limit) }
}

const at = (records: AuditRecord[], index: number, change: Partial<AuditRecord>) =>
  records.map((record, place) => (place === index ? { ...record, ...change } : record))

test.each<[string, (records: AuditRecord[]) => AuditRecord[], number, string]>([
  ['a changed fact', (records) => at(records, 2, { role: 'owner' }), 3, 'changed'],
  ['a fact too many', (records) => at(records, 2, { reason: 'x' }), 3, 'changed'],
  ['another actor', (records) => at(records, 2, { actor: 'usr_b' }), 3, 'changed'],
  ['another instant', (records) => at(records, 0, { at: 9 }), 1, 'changed'],
  ['another hash', (records) => at(records, 3, { hash: 'x' }), 4, 'changed'],
  ['another link', (records) => at(records, 3, { prev_hash: 'x' }), 4, 'link'],
  ['a row taken out', (records) => records.filter(({ seq }) => seq !== 2), 2, 'missing'],
  ['the first row taken out', (records) => records.slice(1), 1, 'missing'],
  ['the last rows taken out', (records) => records.slice(0, 3), 4, 'missing'],
  ['all rows taken out', () => [], 1, 'missing'],
])('%s is found', async (_what, change, seq, reason) => {
  expect(await verifyChain(await tampered(change), undefined, 2)).toMatchObject({ broken: { seq, reason } })
})

test('a head of another chain is found, and a chain that was written anew, by who knows the former one', async () => {
  const log = await tampered((records) => records)
  expect(await verifyChain(log)).toEqual({ head: await log.head() })
  expect(await verifyChain({ ...log, head: async () => ({ seq: 5, hash: 'x' }) })).toMatchObject({
    broken: { seq: 5, reason: 'head' },
  })
  expect(await verifyChain(log, { seq: 4, hash: 'x' })).toMatchObject({ broken: { seq: 4, reason: 'expected' } })
  expect(await verifyChain(log, { seq: 9, hash: 'x' })).toMatchObject({ broken: { seq: 6, reason: 'missing' } })
})
