import type { LimitClass, Limits, Rate } from './limits.ts'

/** A token bucket that starts full. Time is handed in, so that one clock reading serves every bucket of a frame. */
export class Bucket {
  readonly #rate: Rate
  #level: number
  #at: number

  /** `now` is monotonic, in milliseconds. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#level = rate.burst
    this.#at = now
  }

  /** Takes `cost` out, or says in how many milliseconds it would be there; 0 means taken. */
  take(now: number, cost = 1): number {
    const { burst, per_s } = this.#rate
    const level = Math.min(burst, this.#level + ((now - this.#at) * per_s) / 1000)
    this.#at = now
    this.#level = level >= cost ? level - cost : level
    return level >= cost ? 0 : Math.ceil(((cost - level) * 1000) / per_s)
  }
}

/** What is counted on the raw frames of a connection, before anything is parsed. */
export interface RawBuckets {
  readonly frames: Bucket
  readonly bytes: Bucket
}

/** The buckets of one class each. */
export type ClassBuckets = Partial<Record<LimitClass, Bucket>>

/** Takes one event out of the bucket of its class; returns how many milliseconds are missing, or 0. */
export function takeEvent(buckets: ClassBuckets, limits: Limits, limitClass: LimitClass, now: number): number {
  return (buckets[limitClass] ??= new Bucket(limits.classes[limitClass], now)).take(now)
}

/** What one device or user may send, over all its connections and across reconnects. */
export class Allowance {
  readonly classes: ClassBuckets = {}
  #spare: RawBuckets[] | undefined

  /** The raw buckets for a new connection: those that a former one left behind, as empty as it left them. */
  lease(fresh: RawBuckets, now: number, spent: number): RawBuckets {
    const spare = this.#spare?.pop()
    spare?.bytes.take(now, spent)
    return spare ?? fresh
  }

  /** The connection that had these is over. */
  giveBack(raw: RawBuckets): void {
    this.#spare ??= []
    if (this.#spare.length < mostSpare) this.#spare.push(raw)
  }
}

const mostSpare = 32
