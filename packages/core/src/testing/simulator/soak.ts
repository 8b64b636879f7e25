import { coverageOf, type Coverage } from './coverage.ts'
import { violationsOf } from './invariants/index.ts'
import { simulate } from './simulate.ts'

/** Runs seeds one after the other: what went wrong, each line beginning with its seed, and what they came across. */
export async function soak(seeds: Iterable<number>): Promise<{ failures: string[]; coverage: Coverage }> {
  const failures: string[] = []
  const coverage: Coverage = {}
  for (const seed of seeds) {
    const history = await simulate({ seed })
    for (const { invariant, at, what } of violationsOf(history)) {
      failures.push(`${seed} at ${at.toFixed(0)} ms ${invariant}: ${what}`)
    }
    for (const [key, count] of Object.entries(coverageOf(history))) coverage[key] = (coverage[key] ?? 0) + count
  }
  return { failures, coverage }
}
