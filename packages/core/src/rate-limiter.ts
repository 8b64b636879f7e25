import { createBoundedMap } from './bounded-map.ts'
import { Bucket } from './bucket.ts'
import type { Rate } from './limits.ts'

/** Token buckets by key, for limits that outlive the connection they were filled on. */
export interface RateLimiter {
  /** Takes one token out of the bucket of a key; returns in how many milliseconds there will be one, or 0 for taken. */
  take(key: string): number
  /** Puts back what was taken for something that ended well. */
  giveBack(key: string): void
  /** How much is missing in the buckets that are not full, by key. */
  spent(): [key: string, amount: number][]
  /** Sees to it that at least so much is missing in the bucket of a key, as before a restart. */
  restore(key: string, amount: number): void
}

/**
 * Makes a limiter. It remembers the keys that were used last, 100,000 unless told; one that is forgotten starts with a full
 * bucket. `now` is monotonic, in milliseconds.
 */
export function createRateLimiter(rate: Rate, now: () => number, keys = 100_000): RateLimiter {
  const buckets = createBoundedMap<string, Bucket>(keys)

  function bucketOf(key: string): Bucket {
    const bucket = buckets.get(key) ?? new Bucket(rate, now())
    buckets.set(key, bucket)
    return bucket
  }

  return {
    take: (key) => bucketOf(key).take(now()),
    giveBack: (key) => buckets.peek(key)?.giveBack(),
    spent() {
      const at = now()
      return Array.from(buckets.entries(), ([key, bucket]): [string, number] => [key, bucket.spent(at)]).filter(
        ([, amount]) => amount > 0,
      )
    },
    restore: (key, amount) => bucketOf(key).restore(now(), amount),
  }
}
