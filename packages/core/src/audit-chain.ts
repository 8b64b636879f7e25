import { sha256 } from './ids.ts'
import type { AuditEntry, AuditHead, AuditRecord, AuditStore } from './ports/audit.ts'

/**
 * What is hashed of an entry: a JSON array of `prev_hash`, `seq`, `at`, `action`, `outcome`, `actor`, `room_id` (null where
 * absent) and the JSON text of all that is left. Writers of other stores hash the same.
 */
export function chainText(prev_hash: string, seq: number, entry: AuditEntry): string {
  const { at, action, outcome, actor = null, room_id = null, ...facts } = entry
  return JSON.stringify([prev_hash, seq, at, action, outcome, actor, room_id, JSON.stringify(facts)])
}

/** The hash that chains an entry to the one before it. */
export function chainHash(prev_hash: string, seq: number, entry: AuditEntry): Promise<string> {
  return sha256(chainText(prev_hash, seq, entry))
}

/** What came of a walk along the chain: how far it is sound, and where it is not the first row that breaks it. */
export interface Verification {
  /** The last entry up to which everything is as it was written. */
  readonly head: AuditHead
  readonly broken?: {
    readonly seq: number
    /**
     * `missing`: there is no such entry, or another number stands there. `link`: it does not follow the one before it.
     * `changed`: it is not as it was written. `head`: the entries end elsewhere than the note of the last one says.
     * `expected`: it is not the one that the caller knows.
     */
    readonly reason: 'missing' | 'link' | 'changed' | 'head' | 'expected'
  }
}

/**
 * Walks along the whole chain, page by page. Whoever may write to the database can make a chain that is sound in itself:
 * against that, keep a `head` in another place and have it `expected` here.
 */
export async function verifyChain(
  store: Pick<AuditStore, 'list' | 'head'>,
  expected?: AuditHead,
  pageSize = 500,
): Promise<Verification> {
  // Read first: what is appended meanwhile is walked over as well, and does no harm.
  const noted = await store.head()
  let head: AuditHead = { seq: 0, hash: '' }
  for (;;) {
    const page = await store.list({ after: head.seq, limit: pageSize })
    for (const record of page) {
      const reason = await faultOf(record, head, expected)
      if (reason) return { head, broken: { seq: reason === 'missing' ? head.seq + 1 : record.seq, reason } }
      head = { seq: record.seq, hash: record.hash }
      if (head.seq === noted.seq && head.hash !== noted.hash) return { head, broken: { seq: head.seq, reason: 'head' } }
    }
    if (page.length < pageSize) break
  }
  const end = Math.max(noted.seq, expected?.seq ?? 0)
  return head.seq < end ? { head, broken: { seq: head.seq + 1, reason: 'missing' } } : { head }
}

async function faultOf({ seq, prev_hash, hash, ...entry }: AuditRecord, before: AuditHead, expected?: AuditHead) {
  if (seq !== before.seq + 1) return 'missing'
  if (prev_hash !== before.hash) return 'link'
  if (hash !== (await chainHash(prev_hash, seq, entry))) return 'changed'
  return seq === expected?.seq && hash !== expected.hash ? 'expected' : undefined
}
