import type { Logger } from '@mesh/core'

/** How far clocks may differ, or one may move against the monotonic one, before that counts, in milliseconds. */
export const clockTolerance = 5_000

/** How much slower time passes here while the wall clock is a little behind and catches up. */
const slower = 0.01

/** Where the time comes from: since 1970 and since any moment, both in milliseconds. */
export interface Clocks {
  now(): number
  monotonic(): number
}

/** The time that tokens are dated and judged by. */
export interface WallClock {
  /**
   * Milliseconds since 1970, which never go back: what has ended stays so, whatever the clock of the machine is set to.
   * Unless that is set right, by the clock of the database.
   */
  now(): number
  /** How far that is ahead of the database's clock, in milliseconds; undefined where there is none to ask. */
  off(): number | undefined
  /** How often the machine's clock has jumped by more than 5 s. */
  readonly jumps: number
}

const system: Clocks = { now: () => Date.now(), monotonic: () => performance.now() }

/**
 * Follows the clock of the machine forward, also in leaps: it may have slept. When that is set back it counts on by itself,
 * but to where `right` says it should be. Each jump is logged once, when somebody asks for the time next.
 */
export function createWallClock(
  logger: Logger,
  { right, clocks = system }: { right?: (() => number) | undefined; clocks?: Clocks } = {},
): WallClock {
  const { monotonic } = clocks
  let at = monotonic()
  let wall = clocks.now()
  let latest = wall
  let jumps = 0
  const clock: WallClock = {
    get jumps() {
      return jumps
    },
    now() {
      const before = { at, wall }
      at = monotonic()
      wall = clocks.now()
      const elapsed = at - before.at
      const jump = wall - before.wall - elapsed
      if (Math.abs(jump) > clockTolerance) {
        jumps++
        logger.warn({ jump_ms: Math.round(jump) }, 'clock_jump')
      }
      const ahead = latest + elapsed - wall
      if (ahead <= 0) latest = wall
      else if (ahead <= clockTolerance) latest += elapsed * (1 - slower)
      else if (right && Math.abs(wall - right()) <= clockTolerance) latest = wall
      else latest += elapsed
      return Math.floor(latest)
    },
    off: () => right && Math.round(clock.now() - right()),
  }
  return clock
}
