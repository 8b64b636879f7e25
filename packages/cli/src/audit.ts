import { toInstant, type AuditRecord, type AuditStore } from '@mesh/core'
import type { Admin } from '@mesh/server'

/** The largest page an installation gives. */
const largest = 1000

/** Entries of the audit log, page after page. */
export async function* pagesOf(
  admin: Admin,
  asked: Parameters<typeof pageOf>[1],
): AsyncGenerator<readonly AuditRecord[]> {
  for (let after: number | undefined; ;) {
    const page = await pageOf(admin, { ...asked, limit: largest, ...(after === undefined ? {} : { after }) })
    yield page
    after = page.at(-1)?.seq
    if (page.length < largest) return
  }
}

/** One page of the audit log. */
export async function pageOf(
  admin: Admin,
  page: {
    after?: number
    limit?: number
    latest?: boolean
    since?: number
    actor?: string
    room?: string
    action?: AuditRecord['action']
  },
): Promise<readonly AuditRecord[]> {
  return (await admin.call('audit.list', page)).data
}

/** The installation's log as something to walk along: nothing is judged where the entries lie. */
export function remoteAudit(admin: Admin): Pick<AuditStore, 'list' | 'head'> {
  return {
    list: async ({ after = 0, limit }) => [...(await pageOf(admin, { after, limit }))],
    head: async () => (await admin.call('audit.head', {})).data,
  }
}

/** An entry as a row of a table: the instant as people read it, what is not in every entry as one text. */
export function rowOf({
  seq,
  at,
  action,
  outcome,
  actor,
  room_id,
  prev_hash: _prev,
  hash: _hash,
  ...facts
}: AuditRecord) {
  const details = Object.entries(facts).map(
    ([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`,
  )
  return { seq, time: toInstant(at), action, outcome, actor, room_id, details: details.join(' ') }
}
