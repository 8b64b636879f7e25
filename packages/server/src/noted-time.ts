import { join } from 'node:path'
import { toInstant } from '@mesh/core'
import { readPrivate, writePrivate } from './keys/private-file.ts'
import { clockTolerance, type WallClock } from './wall-clock.ts'

/** How far behind its last run a server may start, in milliseconds. */
const behindMs = 5 * 60_000

/** How often the time is noted, in milliseconds. */
const noteMs = 60_000

/**
 * Notes the time in a data directory, every minute and in the end, for the next start to be held against.
 * @throws Error with one sentence when it is more than 5 minutes before what is noted there: tokens that have ended would be
 *   good again. The clock of a database that agrees with it is believed.
 */
export async function noteTime(
  directory: string,
  { now, off }: Pick<WallClock, 'now' | 'off'>,
): Promise<{ close(): Promise<void> }> {
  const file = join(directory, 'clock')
  const noted = Date.parse((await readPrivate(file))?.trim() ?? '')
  const isRight = Math.abs(off() ?? Infinity) <= clockTolerance
  if (noted - behindMs > now() && !isRight) {
    throw new Error(
      `The clock says ${toInstant(now())}, but this server ran at ${toInstant(noted)}: set it right, or remove ${file} if it is.`,
    )
  }
  const note = () => writePrivate(file, `${toInstant(now())}\n`)
  await note()
  // A full disk is told of by what matters more; the next minute tries again.
  const tryNote = () => note().catch(() => {})
  const timer = setInterval(() => void tryNote(), noteMs).unref()
  return {
    async close() {
      clearInterval(timer)
      await tryNote()
    },
  }
}
