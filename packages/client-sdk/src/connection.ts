import { MeshError, closeCodes, isMeshError } from '@mesh/core/errors'
import { backoff } from './backoff.ts'
import { isFinal } from './close-error.ts'
import { deferred } from './deferred.ts'
import type { Link, LinkOptions } from './link.ts'
import type { MeshState, TokenReason } from './types.ts'

/** How to open links, and who hears what becomes of them. */
export interface ConnectionOptions extends Pick<LinkOptions, 'frame' | 'idle'> {
  open(reason: TokenReason, handlers: Omit<LinkOptions, 'url' | 'WebSocket' | 'hello'>): Promise<void>
  /** Whether a lost link is looked for again. */
  reconnect: boolean
  /** Whether asking for another token can bring a better one. */
  canRenew: boolean
  /** Milliseconds for one attempt, the token included. */
  timeoutMs: number
  /** A link stands: the first one, or the one after a loss. */
  up(link: Link): void
  /** The link is gone, with this close code; `forGood`, because nobody looks for another. */
  down(error: MeshError, code: number, forGood: boolean): void
  state(state: MeshState, reason?: unknown): void
  /** An attempt failed for a reason that somebody should know about. */
  error(error: unknown): void
}

/** Keeps one link alive for as long as it is wanted. */
export interface Connection {
  readonly state: MeshState
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
    const { frame, idle } = options
    const attempted = options.open(reason, {
      frame,
      idle,
      signal: abort.signal,
      welcomed: (opened) => adopt((link = opened)),
      closed: (error, code) => link === current && lost(error, code),
    })
    attempted.then(wait.resolve, wait.reject)
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
    if (!options.reconnect || isHopeless(error)) return shut(error, code)
    current = undefined
    clearTimeout(draining)
    options.down(error, code, false)
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

  function shut(reason?: unknown, code = 1000): void {
    if (state === 'closed') return
    current = undefined
    clearTimeout(draining)
    options.down(isMeshError(reason) ? reason : offline('The connection was closed'), code, true)
    enter('closed', reason)
    stop.abort(offline('The connection was closed'))
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
