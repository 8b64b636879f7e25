import { createRateLimiter, MeshError, type AttemptKind, type Limits, type RateLimiter } from '@mesh/core'

/** How often somebody may try what proves who they are, by network address, account or login; in memory. */
export interface Attempts {
  /**
   * Counts an attempt. Without a key, where the caller's address is not known, nothing is counted.
   * @throws MeshError RATE_LIMITED with `retry_after_ms`
   */
  take(kind: AttemptKind, key: string | undefined): void
  /** Takes back an attempt that ended well: only what fails counts. */
  giveBack(kind: AttemptKind, key: string | undefined): void
}

/** @see Attempts. `now` is monotonic, in milliseconds. */
export function createAttempts(limits: Limits['attempts'], now: () => number = () => performance.now()): Attempts {
  const limiters = new Map<AttemptKind, RateLimiter>()

  function limiterOf(kind: AttemptKind): RateLimiter {
    const limiter = limiters.get(kind) ?? createRateLimiter(limits[kind], now)
    limiters.set(kind, limiter)
    return limiter
  }

  return {
    take(kind, key) {
      const retry_after_ms = key === undefined ? 0 : limiterOf(kind).take(key)
      if (retry_after_ms > 0)
        throw new MeshError('RATE_LIMITED', 'Too many attempts: try again later', { retry_after_ms })
    },
    giveBack(kind, key) {
      if (key !== undefined) limiterOf(kind).giveBack(key)
    },
  }
}
