// Runs the simulator by hand: many seeds, or `--from 4711 --seeds 1` for one again.
import { lackingIn, type Coverage } from '@mesh/core/testing'
import { readNumbers } from '../options.ts'
import { runSeeds } from './pool.ts'

const usage = 'usage: pnpm simulate [--seeds N] [--from N] [--jobs N]'
const { seeds, from, jobs } = readNumbers(usage, { seeds: 2_000, from: 1, jobs: 2 })
const startedAt = performance.now()
const coverage: Coverage = {}
let done = 0
let failed = 0

const elapsed = () => (performance.now() - startedAt) / 1000
await Promise.all(
  Array.from({ length: Math.min(jobs, seeds) }, (_, job) =>
    runSeeds({ from: from + job, to: from + seeds - 1, step: jobs }, (report) => {
      done += report.seeds
      for (const [key, count] of Object.entries(report.coverage)) coverage[key] = (coverage[key] ?? 0) + count
      for (const { seed, what } of report.failures) {
        failed++
        console.log(`seed ${seed}\n  ${what.slice(0, 5).join('\n  ')}`)
      }
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${seeds}, ${failed} failed `)
    }),
  ),
)

console.log(`${done} seeds in ${elapsed().toFixed(1)} s, ${(done / elapsed()).toFixed(0)} a second`)
for (const key of Object.keys(coverage).sort()) console.log(`${String(coverage[key]).padStart(12)}  ${key}`)
// A handful of seeds need not come across everything; thousands that do not have not simulated what they claim.
const lacking = done >= 1_000 ? lackingIn(coverage) : []
if (lacking.length > 0) console.log(`never happened: ${lacking.join(', ')}`)
console.log(failed === 0 ? 'every promise held' : `${failed} seeds failed`)
process.exitCode = failed > 0 || lacking.length > 0 ? 1 : 0
