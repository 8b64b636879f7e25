import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { faultOf, type Logger } from '@mesh/core'
import * as v from 'valibot'
import { readPrivate, writePrivate } from '../keys/private-file.ts'
import type { Attempts } from './attempts.ts'

const key = v.pipe(v.string(), v.regex(/^[\w-]{43}$/))
const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const attemptsFile = v.strictObject({
  /** When it was written, in milliseconds since 1970. */
  at: v.pipe(v.number(), v.safeInteger()),
  spent: v.record(v.string(), v.array(v.strictTuple([key, amount]))),
  welcome: v.array(key),
})

/** A file that is whole, or one that a process died over. */
const ours = /^attempts-[0-9a-f]{16}\.json(\.new)?$/

/**
 * Carries the attempts of a node over a restart, in a file that is there only between its end and the next start: takes over
 * what it finds in the directory, and writes a new one in the end. A process that is killed leaves none. Each node writes a
 * file of its own, so that several can share a directory; the first that starts then takes over all of them.
 *
 * Nothing of it stops a start or an end: what cannot be used is a warning, and gone.
 */
export async function keepAttempts(options: {
  directory: string
  attempts: Attempts
  /** Milliseconds since 1970. */
  now(): number
  logger: Logger
}): Promise<{ close(): Promise<void> }> {
  const { directory, attempts, now, logger } = options
  const own = join(directory, `attempts-${randomBytes(8).toString('hex')}.json`)

  const warn = (message: string) => (error: unknown) => logger.warn(faultOf(error), message)

  async function takeOver(name: string): Promise<void> {
    const file = join(directory, name)
    try {
      const text = name.endsWith('.new') ? undefined : await readPrivate(file)
      if (text === undefined) return
      const { at, ...remembered } = v.parse(attemptsFile, JSON.parse(text))
      // By a clock that went back no time has passed: nothing grows back, and nothing counts for longer than it would have.
      attempts.recall(remembered, Math.max(0, now() - at))
    } finally {
      await rm(file, { force: true })
    }
  }

  for (const name of await filesIn(directory)) {
    await takeOver(name).catch(warn('the counts of failed attempts from before this start are lost'))
  }
  return {
    async close() {
      const remembered = attempts.remembered()
      if (remembered.welcome.length === 0 && Object.keys(remembered.spent).length === 0) return
      const write = async () => {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await writePrivate(own, JSON.stringify({ at: now(), ...remembered }))
      }
      await write().catch(warn('the counts of failed attempts are lost with this stop'))
    },
  }
}

/** Those of this kind. What is wrong with a directory is told of by what matters more. */
async function filesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).filter((name) => ours.test(name))
}
