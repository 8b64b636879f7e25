import { MeshError } from '@mesh/core/errors'

/** How long to wait, and who may call it off. */
export interface WaitOptions {
  /** Milliseconds until the promise rejects with UNAVAILABLE and `details.reason` `timeout`. */
  timeoutMs?: number | undefined
  /** Rejects the promise with the signal's own reason. */
  signal?: AbortSignal | undefined
}

/** A promise and its levers; whichever comes first counts, and the timer and the signal's listener go with it. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
  /** Sets the deadline anew, in milliseconds from now; undefined takes it away. */
  within(timeoutMs: number | undefined): void
}

/** Makes a promise that keeps to a deadline and to an AbortSignal. `what` completes the sentence "No answer to …". */
export function deferred<T>(what: string, { timeoutMs, signal }: WaitOptions = {}): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false
  const promise = new Promise<T>((...levers) => ([resolve, reject] = levers))
  const abort = (): void => settle(() => reject(signal?.reason))
  const settle = (how: () => void): void => {
    over = true
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    how()
  }
  const within = (ms: number | undefined): void => {
    clearTimeout(timer)
    if (ms !== undefined && !over) timer = setTimeout(() => settle(() => reject(timeout(what))), ms)
  }
  within(timeoutMs)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()
  return {
    promise,
    resolve: (value) => settle(() => resolve(value)),
    reject: (error) => settle(() => reject(error)),
    within,
  }
}

function timeout(what: string): MeshError {
  return new MeshError('UNAVAILABLE', `No answer to ${what} in time`, { reason: 'timeout', retryable: true })
}
