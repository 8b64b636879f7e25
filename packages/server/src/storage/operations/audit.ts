import { createHash } from 'node:crypto'
import type { AuditEntry } from '@mesh/core'
import { fromAudit } from '../rows.ts'
import type { Db } from '../tables.ts'

/** Puts an entry at the end of the audit log and chains it to the one before. */
export async function appendAudit(db: Db, entry: AuditEntry): Promise<void> {
  // Taking the next number holds the one row of the head until the transaction ends, which every dialect knows.
  const { seq, hash: prev_hash } = await db
    .updateTable('mesh_audit_head')
    .set((eb) => ({ seq: eb('seq', '+', 1) }))
    .returning(['seq', 'hash'])
    .executeTakeFirstOrThrow()
  const row = fromAudit(entry)
  // As `chainText` of the core has it, of an entry whose facts are not text yet; verifying compares the two.
  const { at, action, outcome, actor, room_id, facts } = row
  const text = JSON.stringify([prev_hash, seq, at, action, outcome, actor, room_id, facts])
  const hash = createHash('sha256').update(text).digest('base64url')
  await db
    .insertInto('mesh_audit')
    .values({ ...row, seq, prev_hash, hash })
    .execute()
  await db.updateTable('mesh_audit_head').set({ hash }).execute()
}
