import { Worker } from 'node:worker_threads'
import { MeshError } from '@mesh/core/errors'
import type { OperationArgs, OperationName, OperationResult, Write } from '../operations/index.ts'
import type { Failure, FromWriter, ToWriter, WriteRequest, WriteResult, WriterSettings } from './messages.ts'
import { toError } from './to-error.ts'

/** How much was written, and in how many commits. */
export interface WriteStats {
  /** Requests that were answered, whatever the answer. */
  writes: number
  commits: number
}

/** The main thread's end of the writer thread. */
export interface Writer {
  /** Starts the thread unless it runs. @throws Error where the database is refused, MeshError UNAVAILABLE */
  start(): Promise<void>
  write: Write
  /** After a write that the database could not serve: finds out whether it can again. @throws MeshError UNAVAILABLE */
  recover(): Promise<void>
  stats(): WriteStats
  /** Resolves when no write waits for its answer. */
  idle(): Promise<void>
  /** Ends the thread once it is idle. */
  close(): Promise<void>
}

interface Waiting {
  request: WriteRequest
  resolve(value: unknown): void
  reject(error: Error): void
}

/** The writer thread is gone: what it had taken may be written or not. */
const gone: Failure = { kind: 'unavailable', message: 'The writer thread of the database ended' }

/**
 * Runs the writer thread, and a fresh one when it dies. `maxPending` bounds the writes that wait for an answer; one more
 * is UNAVAILABLE.
 */
export function createWriter(settings: WriterSettings, maxPending: number): Writer {
  const sent = new Map<number, Waiting>()
  let outbox: Waiting[] = []
  let live: Worker | undefined
  let starting: Promise<void> | undefined
  let lastId = 0
  let troubled = false
  let recovery: Promise<void> | undefined
  let onIdle: (() => void) | undefined
  const stats: WriteStats = { writes: 0, commits: 0 }

  function start(): Promise<void> {
    if (live) return Promise.resolve()
    starting ??= launch().finally(() => (starting = undefined))
    return starting
  }

  function launch(): Promise<void> {
    const { promise, resolve, reject } = defer()
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    // Flags meant for the main thread, such as --input-type, would keep the worker from starting; source finds source by one.
    const execArgv = extension === 'ts' ? ['--conditions=@mesh/source'] : []
    const options = { name: 'mesh-sqlite-writer', workerData: settings, execArgv }
    const worker = new Worker(new URL(`./sqlite-writer.${extension}`, import.meta.url), options)
    worker.on('message', (message: FromWriter) => {
      if (message.type === 'group') return settle(message.results, message.committed)
      if (message.type === 'failed') return reject(toError(message.failure))
      live = worker
      resolve()
    })
    let cause = gone
    worker.on('error', (error) => (cause = { ...gone, message: `${gone.message}: ${String(error)}` }))
    worker.on('exit', () => {
      if (live === worker) live = undefined
      reject(toError(cause))
      fail([...sent.values()], cause)
    })
    return promise
  }

  /** Everything that was asked for in one turn of the event loop goes over in one message. */
  function flush(): void {
    if (outbox.length === 0) return
    if (!live) {
      start().then(flush, (error: unknown) => {
        const cause = error instanceof Error ? error.message : String(error)
        fail(outbox.splice(0), { kind: 'unavailable', message: cause })
      })
      return
    }
    const requests = outbox.map(({ request }) => request)
    for (const waiting of outbox) sent.set(waiting.request.id, waiting)
    outbox = []
    live.ref()
    tell(live, { type: 'requests', requests })
  }

  function settle(results: WriteResult[], committed: boolean): void {
    stats.writes += results.length
    if (committed) stats.commits += 1
    for (const result of results) {
      const waiting = sent.get(result.id)
      sent.delete(result.id)
      // A small write that passes says nothing about the next one.
      troubled ||= 'failure' in result && result.failure.kind === 'unavailable'
      if ('failure' in result) waiting?.reject(toError(result.failure))
      else waiting?.resolve(result.value)
    }
    rest()
  }

  function fail(waiting: Waiting[], failure: Failure): void {
    for (const { request, reject } of waiting) {
      sent.delete(request.id)
      reject(toError(failure))
    }
    rest()
  }

  /** With nothing to do, the thread does not keep a process alive whose owner forgot to close the storage. */
  function rest(): void {
    if (sent.size > 0 || outbox.length > 0) return
    live?.unref()
    onIdle?.()
  }

  async function write<Name extends OperationName>(
    name: Name,
    ...args: OperationArgs<Name>
  ): Promise<OperationResult<Name>> {
    if (sent.size + outbox.length >= maxPending) throw new MeshError('UNAVAILABLE', 'Too many writes are waiting')
    const request = { id: (lastId += 1), name, args: JSON.stringify(args) }
    const { promise, resolve, reject } = defer<OperationResult<Name>>()
    // The value was made by the operation of this name in the other thread.
    outbox.push({ request, resolve: (value) => resolve(value as OperationResult<Name>), reject })
    if (outbox.length === 1) queueMicrotask(flush)
    return promise
  }

  /** What fails meanwhile, of whoever's, counts again. */
  async function tryAgain(): Promise<void> {
    troubled = false
    await write('takeSpace')
    await write('giveSpace')
  }

  return {
    async start() {
      await start()
      rest()
    },

    write,

    async recover() {
      if (!troubled) return
      recovery ??= tryAgain().finally(() => (recovery = undefined))
      await recovery
    },

    stats: () => ({ ...stats }),

    async idle() {
      if (sent.size + outbox.length > 0) await new Promise<void>((resolve) => (onIdle = resolve))
    },

    async close() {
      await starting?.catch(() => {})
      const worker = live
      if (!worker) return
      worker.ref()
      const exit = new Promise((resolve) => worker.once('exit', resolve))
      tell(worker, { type: 'close' })
      await exit
    },
  }
}

function tell(thread: Worker, message: ToWriter): void {
  thread.postMessage(message)
}

function defer<T = void>() {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}
