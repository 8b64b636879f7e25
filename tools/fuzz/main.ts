// Attacks a server of its own and says what came of it.
import { readNumbers } from '../options.ts'
import { fuzz, type Report } from './fuzz.ts'
import type { Tally } from './messages.ts'

const usage = 'usage: pnpm fuzz [--messages N] [--raw N] [--rest N] [--seed N]'
const amounts = readNumbers(usage, { messages: 200_000, raw: 50_000, rest: 20_000, seed: Date.now() % 1_000_000 })

console.log(`seed ${amounts.seed}`)
const started = performance.now()
const report = await fuzz(amounts)
print(report)
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s, ${report.faults.length} faults`)
for (const fault of report.faults.slice(0, 20)) console.log(`FAULT ${fault.slice(0, 2_000)}`)
process.exitCode = report.faults.length > 0 ? 1 : 0

function print({ messages, raw, rest, memory, innocents, brakes }: Report): void {
  console.log(`${messages.sent} messages; what came of the sound ones:`)
  printTally(messages.tally)
  console.log(`${raw.attacks} raw attacks of ${raw.frames} frames`)
  console.log(`${rest.sent} REST requests; what came of the sound ones:`)
  printTally(rest.tally)
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  for (const what of ['heap', 'rss'] as const) {
    console.log(`${what} ${mib(memory.before[what])} after the warm-up, ${mib(memory.after[what])} at the end`)
  }
  console.log(`longest stall of the server ${memory.after.stall.toFixed(0)} ms`)
  console.log('the innocent, ms:')
  for (const what of ['signals', 'messages', 'requests'] as const)
    console.log(`  ${what} ${quantiles(innocents[what])}`)
  console.log('at the default limits:')
  for (const { flood, sent, refused, code } of brakes.met) {
    console.log(`  ${flood}: ${sent} frames written, ${refused} refused, closed with ${code}`)
  }
  console.log(`  the innocent's signals, ms: ${quantiles(brakes.innocents.signals)}`)
}

function printTally(tally: Tally): void {
  for (const [type, outcomes] of [...tally].toSorted(([a], [b]) => a.localeCompare(b))) {
    const ranked = [...outcomes].toSorted(([, a], [, b]) => b - a)
    console.log(`  ${type.padEnd(24)} ${ranked.map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`)
  }
}

function quantiles(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.toFixed(1)
  return `${sorted.length} times, median ${at(0.5)}, p99 ${at(0.99)}, worst ${at(1)}`
}
