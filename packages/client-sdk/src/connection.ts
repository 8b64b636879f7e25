import { MeshError, closeCodes, isMeshError } from '@mesh/core/errors'
import { backoff } from './backoff.ts'
import { isFinal } from './close-error.ts'
import { deferred } from './deferred.ts'
import type { Incoming, Link, LinkOptions } from './link.ts'
import type { MeshState, TokenReason } from './types.ts'

/** How to open links, and who hears what becomes of them. */
export interface ConnectionOptions {
  open(reason: TokenReason, handlers: Pick<LinkOptions, 'frame' | 'closed' | 'signal'>): Promise<Link>
  /** Whether a lost link is looked for again. */
  reconnect: boolean
  /** Whether asking for another token can bring a better one. */
  canRenew: boolean
  /** Milliseconds for one attempt, the token included. */
  timeoutMs: number
  frame(frame: Incoming): void
  /** A link stands: the first one, or the one after a loss. */
  up(link: Link): void
  /** The link is gone. */
  down(error: MeshError): void
  state(state: MeshState, reason?: unknown): void
  /** An attempt failed for a reason that somebody should know about. */
  error(error: unknown): void
}

/** Keeps one link alive for as long as it is wanted. */
export interface Connection {
  readonly state: MeshState
  /** @throws MeshError UNAVAILABLE while there is none. */
  link(): Link
  /** The first attempt. It is not repeated, except with another token for one that has expired. */
  start(signal?: AbortSignal): Promise<void>
  /** The server is about to stop: let go of it after this many milliseconds, or stay away that long if it goes first. */
  drain(ms: number): void
  close(): Promise<void>
}

/** A link that held this long, in milliseconds, was a good one: the next attempt may come quickly again. */
const goodUptime = 5_000

/** Makes a connection that is not yet started. */
export function createConnection(options: ConnectionOptions): Connection {
  const stop = new AbortController()
  let state: MeshState = 'connecting'
  let current: Link | undefined
  let attempts = 0
  let upSince = 0
  let notBefore = 0
  let draining: ReturnType<typeof setTimeout> | undefined
  let wake: (() => void) | undefined

  const isNow = (wanted: MeshState): boolean => state === wanted
  // Back from a tunnel: whoever has a network again need not wait for the timer.
  const kick = (): void => wake?.()
  if (typeof addEventListener === 'function') addEventListener('online', kick, { signal: stop.signal })

  return {
    get state() {
      return state
    },
    link() {
      if (!current) throw offline(`The connection is ${state === 'closed' ? 'closed' : 'not up'}`)
      return current
    },
    async start(signal) {
      try {
        await attempt('connect', signal).catch((error: unknown) => {
          if (!isExpired(error) || !options.canRenew) throw error
          return attempt('rejected', signal)
        })
      } catch (error) {
        shut(error)
        throw error
      }
    },
    drain(ms) {
      const leaving = current
      notBefore = performance.now() + ms
      clearTimeout(draining)
      draining = setTimeout(() => {
        if (!leaving || current !== leaving) return
        void leaving.close()
        lost(offline('The server is stopping'), closeCodes.drain)
      }, ms)
    },
    async close() {
      const last = current
      shut()
      await last?.close(true)
    },
  }

  async function attempt(reason: TokenReason, signal: AbortSignal = stop.signal): Promise<void> {
    const abort = new AbortController()
    const wait = deferred<void>('connect', {
      timeoutMs: options.timeoutMs,
      signal: AbortSignal.any([stop.signal, signal]),
    })
    wait.promise.catch((error: unknown) => abort.abort(error))
    let link: Link | undefined
    let ended: MeshError | undefined
    const closed = (error: MeshError, code: number): void => {
      ended = error
      if (link && link === current) lost(error, code)
    }
    options.open(reason, { frame: options.frame, closed, signal: abort.signal }).then((opened) => {
      link = opened
      // The deadline may have passed, or the link have gone, between the welcome and here.
      if (abort.signal.aborted) return void opened.close()
      if (ended) return wait.reject(ended)
      adopt(opened)
      wait.resolve()
    }, wait.reject)
    return wait.promise
  }

  function adopt(link: Link): void {
    current = link
    upSince = performance.now()
    notBefore = 0
    // The link stands before anybody hears of it, so that whoever hears can use it.
    options.up(link)
    enter('online')
  }

  function lost(error: MeshError, code: number): void {
    current = undefined
    clearTimeout(draining)
    options.down(error)
    if (state === 'closed') return
    if (!options.reconnect || isHopeless(error)) return shut(error)
    enter('reconnecting', error)
    if (performance.now() - upSince > goodUptime) attempts = 0
    if (code === closeCodes.overload || code === closeCodes.rate_limited) attempts = Math.max(attempts, 4)
    void recover(isExpired(error) ? 'rejected' : 'connect')
  }

  async function recover(reason: TokenReason): Promise<void> {
    while (isNow('reconnecting')) {
      await pause(Math.max(backoff(attempts++), notBefore - performance.now()))
      if (!isNow('reconnecting')) return
      try {
        return await attempt(reason)
      } catch (error) {
        if (!isNow('reconnecting')) return
        if (isHopeless(error)) return shut(error)
        if (!isMeshError(error) || error.code !== 'UNAVAILABLE') options.error(error)
        reason = isExpired(error) ? 'rejected' : 'connect'
      }
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  function shut(reason?: unknown): void {
    if (state === 'closed') return
    const had = current !== undefined
    current = undefined
    clearTimeout(draining)
    enter('closed', reason)
    stop.abort(offline('The connection was closed'))
    if (had) options.down(offline('The connection was closed'))
    kick()
  }

  function enter(next: MeshState, reason?: unknown): void {
    state = next
    options.state(next, reason)
  }

  function isHopeless(error: unknown): boolean {
    return isFinal(error) || (isExpired(error) && !options.canRenew)
  }
}

function isExpired(error: unknown): boolean {
  return isMeshError(error) && error.code === 'AUTH_EXPIRED'
}

function offline(message: string): MeshError {
  return new MeshError('UNAVAILABLE', message, { reason: 'offline', retryable: true })
}
