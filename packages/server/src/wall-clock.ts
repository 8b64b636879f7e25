import { join } from 'node:path'
import { toInstant, type Logger } from '@mesh/core'
import { readPrivate, writePrivate } from './keys/private-file.ts'

/** How far the wall clock may move against the monotonic one before it counts as a jump, in milliseconds. */
const jumpMs = 5_000

/** How far behind its last run a server may start, in milliseconds. */
const behindMs = 5 * 60_000

/** How often the clocks are compared, and how often the time is noted, in milliseconds. */
const [compareMs, noteMs] = [5_000, 60_000]

/** Where the time comes from: since 1970 and since any moment, both in milliseconds. */
export interface Clocks {
  now: () => number
  monotonic: () => number
}

const system: Clocks = { now: () => Date.now(), monotonic: () => performance.now() }

/**
 * Watches the clock that tokens are dated by: a jump is logged once, and the time is noted in a data directory.
 * @throws Error with one sentence when the clock is more than 5 minutes behind what is noted there: tokens that have ended
 *   would be good again.
 */
export async function watchClock(
  directory: string,
  logger: Logger,
  { now, monotonic }: Clocks = system,
): Promise<{ close(): Promise<void> }> {
  const file = join(directory, 'clock')
  const noted = Date.parse((await readPrivate(file))?.trim() ?? '')
  if (noted - behindMs > now()) {
    throw new Error(
      `The clock says ${toInstant(now())}, but this server ran at ${toInstant(noted)}: set it right, or remove ${file} if it is.`,
    )
  }
  const note = () => writePrivate(file, `${toInstant(now())}\n`)
  await note()

  let notedAt = monotonic()
  let offset = now() - monotonic()
  const timer = setInterval(() => {
    const moved = now() - monotonic() - offset
    if (Math.abs(moved) > jumpMs) {
      logger.warn({ jump_ms: Math.round(moved) }, 'clock_jump')
      offset += moved
    }
    if (monotonic() - notedAt < noteMs) return
    notedAt = monotonic()
    // A full disk is told of by what matters more; the next minute tries again.
    note().catch(() => {})
  }, compareMs).unref()

  return {
    async close() {
      clearInterval(timer)
      await note().catch(() => {})
    },
  }
}
