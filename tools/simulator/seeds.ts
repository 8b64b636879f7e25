// Runs seeds one after the other and tells the parent process what came of them. `--core` is another copy of the sources.
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type * as testing from '@mesh/core/testing'
import type { Coverage } from '@mesh/core/testing'

/** What one process has to say about its seeds. */
export interface Report {
  seeds: number
  coverage: Coverage
  failures: { seed: number; what: string[] }[]
}

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    to: { type: 'string', default: '100' },
    step: { type: 'string', default: '1' },
    core: { type: 'string' },
    first: { type: 'boolean', default: false },
  },
})
const [from, to, step] = [Number(values.from), Number(values.to), Number(values.step)]
const entry = values.core === undefined ? '@mesh/core/testing' : pathToFileURL(`${values.core}/testing/index.ts`).href
const { simulate, violationsOf, coverageOf } = (await import(entry)) as typeof testing

let report: Report = { seeds: 0, coverage: {}, failures: [] }
let seed = from
const fail = (what: string[]) => report.failures.push({ seed, what })
// A promise that nobody waits for is a fault of the engine as much as a wrong frame.
process.on('unhandledRejection', (error) => fail([`unhandled rejection: ${String(error)}`]))

function send(): void {
  process.send?.(report)
  report = { seeds: 0, coverage: {}, failures: [] }
}

for (; seed <= to; seed += step) {
  const history = await simulate({ seed })
  const violations = violationsOf(history)
  for (const [key, count] of Object.entries(coverageOf(history))) {
    report.coverage[key] = (report.coverage[key] ?? 0) + count
  }
  report.seeds++
  if (violations.length > 0) {
    fail(violations.map(({ invariant, at, what }) => `${at.toFixed(0)} ms ${invariant}: ${what}`))
    if (values.first) break
  }
  if (report.seeds === 500) send()
}
send()
process.disconnect?.()
