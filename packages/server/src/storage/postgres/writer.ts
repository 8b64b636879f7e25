import {
  operations,
  type OperationArgs,
  type OperationName,
  type OperationResult,
  type Write,
} from '../operations/index.ts'
import type { Db } from '../tables.ts'
import type { Connections } from './connections.ts'
import { PostgresFailure, toError } from './failure.ts'
import { createLanes } from './lanes.ts'

/** How writes share the connections. */
export interface WriterSettings {
  /** The most connections that write at once. */
  width: number
  maxPending: number
  /** How long a write may wait for its turn, in milliseconds. */
  waitMs: number
}

/** The writing half of the storage. */
export interface Writer {
  write: Write
  /** Resolves when no write runs or waits. */
  idle(): Promise<void>
}

interface Request {
  name: OperationName
  /** The arguments as JSON: what their owner does with them meanwhile changes nothing. */
  args: string
}

type Operation = (db: Db, ...args: unknown[]) => Promise<unknown>

/** The most writes that share a transaction, and so an fsync. */
const groupItems = 64

/** How often a write is tried again. */
const retries = 3

/** Writes in transactions; those that wait for the same room share one. */
export function createWriter({ transact }: Connections, settings: WriterSettings): Writer {
  const lanes = createLanes<Request, unknown>({
    ...settings,
    groupItems,
    perform: (group) => persist(() => run(group)),
  })

  function run(group: Request[]): Promise<unknown[]> {
    return transact(async (db) => {
      const results: unknown[] = []
      for (const { name, args } of group) {
        // Name and arguments were checked against the table when the request was made.
        results.push(await (operations[name] as Operation)(db, ...(JSON.parse(args) as unknown[])))
      }
      return results
    })
  }

  return {
    async write<Name extends OperationName>(name: Name, ...args: OperationArgs<Name>) {
      const result = await lanes.add(laneOf(name, args), { name, args: JSON.stringify(args) })
      // It was made by the operation of this name.
      return result as OperationResult<Name>
    },
    idle: lanes.idle,
  }
}

/**
 * What must not pass each other on different connections: the writes to one room or terminal, whose results arrive in the
 * order of their `seq`, and the audit log, which would only queue for its last row.
 */
function laneOf(name: OperationName, [first]: readonly unknown[]): string | undefined {
  if (name === 'appendAudit') return name
  if (typeof first === 'string') return first
  if (typeof first !== 'object' || first === null) return undefined
  const { room_id, terminal_id } = first as { room_id?: string; terminal_id?: string }
  return room_id ?? terminal_id
}

/** Tries again what PostgreSQL undid because of another transaction. @throws MeshError UNAVAILABLE */
async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof PostgresFailure && error.kind === 'retry') || tries === retries) throw toError(error)
      // Those that met here must not meet again.
      await new Promise((resume) => setTimeout(resume, Math.random() * 20 * 2 ** tries))
    }
  }
}
