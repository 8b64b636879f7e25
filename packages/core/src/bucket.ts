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
    const level = this.#levelAt(now)
    this.#at = now
    this.#level = level >= cost ? level - cost : level
    return level >= cost ? 0 : Math.ceil(((cost - level) * 1000) / this.#rate.per_s)
  }

  /** Puts one token back that was taken for nothing. */
  giveBack(): void {
    this.#level++
  }

  /** How much is missing for it to be full. */
  spent(now: number): number {
    return this.#rate.burst - this.#levelAt(now)
  }

  /** Sees to it that at least so much is missing, or all of it. */
  restore(now: number, spent: number): void {
    this.#level = Math.max(0, Math.min(this.#levelAt(now), this.#rate.burst - spent))
    this.#at = now
  }

  #levelAt(now: number): number {
    const { burst, per_s } = this.#rate
    return Math.min(burst, this.#level + ((now - this.#at) * per_s) / 1000)
  }
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
  #spare: RawAllowance[] | undefined

  /** The raw allowance for a new connection: that which a former one left behind, as empty as it left it. */
  lease(fresh: RawAllowance, now: number, limits: Limits): RawAllowance {
    const spare = this.#spare?.pop()
    spare?.takeBytes(now, fresh.spent, limits)
    return spare ?? fresh
  }

  /** The connection that had this is over. */
  giveBack(raw: RawAllowance): void {
    this.#spare ??= []
    if (this.#spare.length < mostSpare) this.#spare.push(raw)
  }
}

const mostSpare = 32

/**
 * What may come in over one connection, counted on the raw frames before anything is parsed. Two buckets in one object, and
 * in whole numbers, since every idle connection has one: levels in thousandths of a frame and in bytes, time in
 * milliseconds.
 */
export class RawAllowance {
  #frames: number
  #bytes: number
  #at: number
  /** Bytes taken so far. */
  spent = 0

  constructor(limits: Limits, now: number) {
    this.#frames = limits.frames.burst * 1000
    this.#bytes = limits.bytes.burst
    this.#at = Math.floor(now)
  }

  /** Takes bytes out; false when there are not so many. */
  takeBytes(now: number, bytes: number, limits: Limits): boolean {
    this.#refill(now, limits)
    if (this.#bytes < bytes) return false
    this.#bytes -= bytes
    this.spent += bytes
    return true
  }

  /** Takes one frame out, or says in how many milliseconds it would be there; 0 means taken. */
  takeFrame(now: number, limits: Limits): number {
    this.#refill(now, limits)
    if (this.#frames < 1000) return Math.ceil((1000 - this.#frames) / limits.frames.per_s)
    this.#frames -= 1000
    return 0
  }

  #refill(now: number, { frames, bytes }: Limits): void {
    const passed = Math.floor(now) - this.#at
    if (passed <= 0) return
    const moreBytes = Math.floor((passed * bytes.per_s) / 1000)
    const moreFrames = Math.floor(passed * frames.per_s)
    // So little time that nothing comes of it is not let go by: it counts the next time.
    if (moreBytes === 0 || moreFrames === 0) return
    this.#at += passed
    this.#bytes = Math.min(bytes.burst, this.#bytes + moreBytes)
    this.#frames = Math.min(frames.burst * 1000, this.#frames + moreFrames)
  }
}
