import { chainHash } from '../audit-chain.ts'
import type { AuditEntry, AuditRecord, AuditStore } from '../ports/index.ts'
import type { OpenTables } from './storage-tables.ts'

/** The audit log of the memory storage. Hashes are made when they are asked for, so that an append waits for nothing. */
export function createAuditLog(open: OpenTables): AuditStore {
  const records: AuditRecord[] = []
  let chained: Promise<void> = Promise.resolve()

  async function chain(): Promise<void> {
    for (const text of open().audit.slice(records.length)) {
      const entry = JSON.parse(text) as AuditEntry
      const seq = records.length + 1
      const prev_hash = records.at(-1)?.hash ?? ''
      records.push({ ...entry, seq, prev_hash, hash: await chainHash(prev_hash, seq, entry) })
    }
  }

  async function all(): Promise<readonly AuditRecord[]> {
    open()
    // One after the other, or two readers would hash the same entry.
    chained = chained.then(chain)
    await chained
    return records
  }

  return {
    async append(entry) {
      open().audit.push(JSON.stringify(entry))
    },

    async list({ after = 0, limit, latest = false, since, actor, room_id, action }) {
      const found = (await all()).filter(
        (record) =>
          record.seq > after &&
          (since === undefined || record.at >= since) &&
          (actor === undefined || record.actor === actor) &&
          (room_id === undefined || record.room_id === room_id) &&
          (action === undefined || record.action === action),
      )
      return (latest ? found.slice(-limit) : found.slice(0, limit)).map(copyOf)
    },

    async head() {
      const { seq, hash } = (await all()).at(-1) ?? { seq: 0, hash: '' }
      return { seq, hash }
    },
  }
}

/** Nobody outside holds a reference into the log. */
function copyOf(record: AuditRecord): AuditRecord {
  return {
    ...record,
    ...(record.caps && { caps: [...record.caps] }),
    ...(record.changes && { changes: [...record.changes] }),
  }
}
