import type { Database } from 'better-sqlite3'
import { operations } from '../operations/index.ts'
import type { Db } from '../tables.ts'
import { failureOf } from './failure-of.ts'
import type { Failure, WriteRequest, WriteResult, WriterSettings } from './messages.ts'

/** What a commit took in, and whether it held. */
export interface Group {
  committed: boolean
  results: WriteResult[]
}

type Operation = (db: Db, ...args: unknown[]) => Promise<unknown>

/**
 * Writes in groups: whatever waits shares one transaction and one fsync, each request in a savepoint of its own. A lone
 * request is committed at once; the group is what came in while the commit before it ran.
 */
export function createGroupCommit(
  { database, db }: { database: Database; db: Db },
  { groupRequests, groupMs }: Pick<WriterSettings, 'groupRequests' | 'groupMs'>,
): (first: WriteRequest, next: () => WriteRequest | undefined) => Promise<Group> {
  const [begin, commit, rollback, savepoint, release, undo] = [
    'begin immediate',
    'commit',
    'rollback',
    'savepoint request',
    'release request',
    'rollback to request',
  ].map((text) => {
    const statement = database.prepare(text)
    return () => void statement.run()
  }) as [() => void, () => void, () => void, () => void, () => void, () => void]

  async function run({ id, name, args }: WriteRequest): Promise<WriteResult> {
    savepoint()
    try {
      // The main thread checked name and arguments against the table when it made the request.
      const value = await (operations[name] as Operation)(db, ...(JSON.parse(args) as unknown[]))
      release()
      return { id, value }
    } catch (error) {
      // Some errors, a full disk among them, make SQLite undo the whole transaction by itself.
      if (database.inTransaction) {
        undo()
        release()
      }
      return { id, failure: failureOf(error) }
    }
  }

  return async (first, next) => {
    const taken: WriteRequest[] = []
    const results: WriteResult[] = []
    const end = performance.now() + groupMs
    try {
      begin()
      for (let request: WriteRequest | undefined = first; request;) {
        taken.push(request)
        const result = await run(request)
        if (!database.inTransaction) return { committed: false, results: lost(taken, result) }
        results.push(result)
        request = taken.length < groupRequests && performance.now() < end ? next() : undefined
      }
      commit()
      return { committed: true, results }
    } catch (error) {
      if (database.inTransaction) rollback()
      const failure = failureOf(error)
      return { committed: false, results: (taken.length > 0 ? taken : [first]).map(({ id }) => ({ id, failure })) }
    }
  }
}

/** SQLite gave up the transaction: nobody's write is there, though only the last one met the error. */
function lost(taken: WriteRequest[], last: WriteResult): WriteResult[] {
  const { message, code } = 'failure' in last ? last.failure : { message: 'The transaction was lost' }
  const failure: Failure = { kind: 'unavailable', message, ...(code !== undefined && { code }) }
  return taken.map(({ id }) => ({ id, failure }))
}
