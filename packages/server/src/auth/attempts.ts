import { createHash } from 'node:crypto'
import {
  createBoundedMap,
  createRateLimiter,
  MeshError,
  type AttemptKind,
  type Limits,
  type RateLimiter,
} from '@mesh/core'

/**
 * How often somebody may try what proves who they are, by network address, account or login, and who got in where. In memory,
 * by the hash of each key; `keepAttempts` carries it over a restart.
 */
export interface Attempts {
  /**
   * Counts an attempt. Without a key, where the caller's address is not known, nothing is counted.
   * @throws MeshError RATE_LIMITED with `retry_after_ms`
   */
  take(kind: AttemptKind, key: string | undefined): void
  /** Takes back an attempt that ended well: only what fails counts. */
  giveBack(kind: AttemptKind, key: string | undefined): void
  /** Notes a key that says who got in and where. */
  welcome(key: string): void
  /** Whether they did, of the 100,000 who did last. */
  isWelcome(key: string): boolean
  /** What is to outlive a restart: of too much, those who have the least left, and those who got in last. */
  remembered(): Remembered
  /** Takes over what was remembered so long ago, in milliseconds, less what has grown back; the stricter count holds. */
  recall(remembered: Remembered, agoMs: number): void
}

/** What attempts there were, by hashed keys. */
export interface Remembered {
  /** How many of each kind count against whom. */
  readonly spent: Readonly<Record<string, readonly (readonly [key: string, amount: number])[]>>
  /** Who got in, the latest last. */
  readonly welcome: readonly string[]
}

/** How many keys of a kind are remembered. */
const mostRemembered = 10_000

/** @see Attempts. `now` is monotonic, in milliseconds. */
export function createAttempts(limits: Limits['attempts'], now: () => number = () => performance.now()): Attempts {
  const limiters = new Map<AttemptKind, RateLimiter>()
  const welcome = createBoundedMap<string, true>(100_000)

  function limiterOf(kind: AttemptKind): RateLimiter {
    const limiter = limiters.get(kind) ?? createRateLimiter(limits[kind], now)
    limiters.set(kind, limiter)
    return limiter
  }

  const isKind = (kind: string): kind is AttemptKind => Object.hasOwn(limits, kind)

  return {
    take(kind, key) {
      const retry_after_ms = key === undefined ? 0 : limiterOf(kind).take(hashed(key))
      if (retry_after_ms > 0)
        throw new MeshError('RATE_LIMITED', 'Too many attempts: try again later', { retry_after_ms })
    },
    giveBack(kind, key) {
      if (key !== undefined) limiterOf(kind).giveBack(hashed(key))
    },
    welcome: (key) => welcome.set(hashed(key), true),
    isWelcome: (key) => welcome.get(hashed(key)) === true,
    remembered: () => ({
      spent: Object.fromEntries(
        Array.from(limiters, ([kind, limiter]) => [kind, emptiest(limiter.spent())] as const).filter(
          ([, spent]) => spent.length > 0,
        ),
      ),
      welcome: Array.from(welcome.entries(), ([key]) => key).slice(-mostRemembered),
    }),
    recall({ spent, welcome: keys }, agoMs) {
      for (const [kind, amounts] of Object.entries(spent)) {
        // Another version may count what this one does not.
        if (!isKind(kind)) continue
        const grown = (agoMs * limits[kind].per_s) / 1000
        for (const [key, amount] of amounts) if (amount > grown) limiterOf(kind).restore(key, amount - grown)
      }
      for (const key of keys) welcome.set(key, true)
    },
  }
}

/** Those with the least left, which come last and so are forgotten last. */
function emptiest(spent: [key: string, amount: number][]): [key: string, amount: number][] {
  return spent.sort(([, a], [, b]) => a - b).slice(-mostRemembered)
}

/** Because a name may be long and there may be many, and what lies on a disk between two runs should name nobody. */
function hashed(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
