import type { OperationName } from '../operations/index.ts'

/** How the writer thread opens the database and how it groups what it writes. */
export interface WriterSettings {
  file: string
  /** How long a write waits for another process's lock, in milliseconds. */
  busyTimeoutMs: number
  /** The largest size of the database file in bytes; undefined for no limit of our own. */
  maxBytes: number | undefined
  /** One commit takes at most this many requests, */
  groupRequests: number
  /** and begins no further one after this many milliseconds. */
  groupMs: number
}

/** One operation that the writer thread shall run. */
export interface WriteRequest {
  id: number
  name: OperationName
  /** The arguments as a JSON array: one that is no JSON fails its own caller, not those that share the message. */
  args: string
}

/** What became of a request. */
export type WriteResult = { id: number; value: unknown } | { id: number; failure: Failure }

/** Why the database did not do as told. */
export interface Failure {
  /** `unavailable`: it cannot serve now. `refused`: it is not fit to be opened. `error`: the operation is at fault. */
  kind: 'unavailable' | 'refused' | 'error'
  message: string
  /** SQLite's name of the error, e.g. `SQLITE_FULL`. */
  code?: string
}

/** What the main thread tells the writer thread. */
export type ToWriter = { type: 'requests'; requests: WriteRequest[] } | { type: 'close' }

/** What the writer thread tells the main thread; a `group` comes only after its commit. */
export type FromWriter =
  | { type: 'ready' }
  | { type: 'failed'; failure: Failure }
  | { type: 'group'; committed: boolean; results: WriteResult[] }
