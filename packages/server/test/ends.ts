import { afterAll, describe } from 'vitest'

const ends: (() => unknown)[] = []

/** Does something after the tests of this file, the latest first. Unlike a hook it may be asked for within a test as well. */
export function atEnd(end: () => unknown): void {
  ends.push(end)
}

async function endAll(): Promise<void> {
  const failures: unknown[] = []
  for (const end of ends.splice(0).toReversed()) {
    try {
      await end()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

afterAll(endAll)

/**
 * Tests that share something which takes long to begin. Without what they need nothing is begun, and where the beginning
 * fails, what there is by then ends: the hooks of a file whose tests cannot be collected are never run.
 */
export function describeTogether(
  hasWhatItNeeds: boolean,
  name: string,
  timeout: number,
  begin: () => Promise<void>,
): void {
  describe.runIf(hasWhatItNeeds)(name, { timeout }, async () => {
    if (!hasWhatItNeeds) return
    try {
      await begin()
    } catch (error) {
      await endAll()
      throw error
    }
  })
}
