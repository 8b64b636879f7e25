/** Time. Core never reads a clock or sets a timer by itself, so that a whole cluster runs under one seed in one process. */
export interface Clock {
  /** Milliseconds since 1970, for what is stored and for token claims. */
  now(): number
  /** Milliseconds that never go back, for deadlines, buckets and intervals. */
  monotonic(): number
  /** Calls `run` once after `ms` milliseconds (at most 2^31 - 1); the returned function takes it back. */
  after(ms: number, run: () => void): () => void
}

/** The platform's clock. Its timers do not keep a Node process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    // Node's timers are objects that hold the process open until told not to; elsewhere they are numbers.
    if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
      timer.unref()
    return () => clearTimeout(timer)
  },
}
