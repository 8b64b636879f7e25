/** How deliveries are timed and bounded. Times in milliseconds. */
export interface DeliverySettings {
  /** Whether this process delivers, or leaves what waits to others; true. */
  isActive: boolean
  /** How long people have to come back before they are told of what happened, while more of the same joins; 10,000. */
  quietMs: number
  /** How long an agent may be gone before its owner hears of it; 30,000, so that a restart is silent. */
  agentGraceMs: number
  /** How often a node looks for what is due; 1,000. */
  pollMs: number
  /**
   * How long a node may take over a delivery before another does it; 30,000. No less than the 15 s that a webhook may, or what
   * got there gets there again.
   */
  claimMs: number
  /** How long the first retry waits at most, each following one twice as long, and the longest; half of it at least. 1,000 and 300,000. */
  retryMs: { first: number; longest: number }
  /** After how many failures in a row a service is left alone, and for how long; 5 and 60,000. */
  breaker: { failures: number; pauseMs: number }
  /** After how long what was not delivered becomes a dead letter; a day. */
  giveUpMs: number
  /** How many may wait for a service; the oldest beyond it become dead letters. 10,000. */
  most: number
  /** How many dead letters are kept; 1,000. */
  keepDead: number
}

/** @see DeliverySettings */
export const defaultDeliverySettings: DeliverySettings = {
  isActive: true,
  quietMs: 10_000,
  agentGraceMs: 30_000,
  pollMs: 1_000,
  claimMs: 30_000,
  retryMs: { first: 1_000, longest: 300_000 },
  breaker: { failures: 5, pauseMs: 60_000 },
  giveUpMs: 24 * 3600 * 1000,
  most: 10_000,
  keepDead: 1_000,
}
