import type { Command } from 'commander'
import { withAdmin } from './session.ts'
import type { Admin } from '@mesh/server'

/** What the options of a list ask for. */
export interface PageOptions {
  limit?: number
  after?: string
}

/** The largest page an installation gives. */
export const largest = 1000

/** One page where the options ask for one; otherwise the whole list, page after page. */
export function readPages<T>(
  command: Command,
  { limit, after }: PageOptions,
  read: (admin: Admin, page: { limit: number; after?: string }) => Promise<{ data: T[]; next?: string }>,
): Promise<{ data: T[]; next?: string }> {
  return withAdmin(command, async (admin) => {
    if (limit !== undefined || after !== undefined) {
      return read(admin, { limit: limit ?? 100, ...(after === undefined ? {} : { after }) })
    }
    const data: T[] = []
    let next: string | undefined
    do {
      const page = await read(admin, { limit: largest, ...(next === undefined ? {} : { after: next }) })
      data.push(...page.data)
      next = page.next
    } while (next !== undefined)
    return { data }
  })
}
