import type { LimitClass, Limits, Rate } from './limits.ts'

/** A token bucket. Time is handed in, so that one clock reading serves every bucket of a frame. */
export interface Bucket {
  /** Takes `cost` out, or says in how many milliseconds it would be there; 0 means taken. */
  take(now: number, cost?: number): number
}

/** A bucket that starts full. `now` is monotonic, in milliseconds. */
export function createBucket(rate: Rate, now: number): Bucket {
  const perMs = rate.per_s / 1000
  let level = rate.burst
  let at = now
  return {
    take(now, cost = 1) {
      level = Math.min(rate.burst, level + (now - at) * perMs)
      at = now
      if (level >= cost) {
        level -= cost
        return 0
      }
      return Math.ceil((cost - level) / perMs)
    },
  }
}

/** The buckets of one device or user, one for each class of events; they survive a reconnect. */
export type ClassBuckets = Partial<Record<LimitClass, Bucket>>

/** Takes one event out of the bucket of its class; returns how many milliseconds are missing, or 0. */
export function takeEvent(buckets: ClassBuckets, limits: Limits, limitClass: LimitClass, now: number): number {
  return (buckets[limitClass] ??= createBucket(limits.classes[limitClass], now)).take(now)
}
