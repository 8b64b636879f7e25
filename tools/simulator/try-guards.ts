// Takes one guard after the other out of a copy of core's sources and shows at which seed the simulator finds it: a guard
// that nothing misses is not proven. `--only NAME` tries one, `--seeds N` says how many seeds each gets.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { guards, takeOut, type Guard } from './guards.ts'
import { runSeeds } from './pool.ts'

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '2000' }, only: { type: 'string' } } })
const core = fileURLToPath(new URL('../../packages/core/', import.meta.url))

/** The first seed that finds what goes wrong without a guard, and what that is. */
async function seedFor(guard: Guard): Promise<{ seed: number; what: string } | undefined> {
  // Inside the package, so that what the sources import is found from there as well.
  const copy = mkdtempSync(join(core, '.guards-'))
  try {
    cpSync(join(core, 'src'), copy, { recursive: true })
    const file = join(copy, guard.file)
    writeFileSync(file, takeOut(guard, readFileSync(file, 'utf8')))
    let found: { seed: number; what: string } | undefined
    await runSeeds({ from: 1, to: Number(values.seeds), core: copy, first: true }, ({ failures: [failure] }) => {
      if (failure) found = { seed: failure.seed, what: failure.what[0] ?? '' }
    })
    return found
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

for (const guard of guards) {
  if (values.only !== undefined && !guard.name.includes(values.only)) continue
  const found = await seedFor(guard).catch((error: Error) => ({ seed: 0, what: error.message }))
  console.log(found?.seed ? `seed ${String(found.seed).padStart(5)}  ${guard.name}` : `NOT FOUND   ${guard.name}`)
  if (found) console.log(`            ${found.what}`)
  if (!found?.seed) process.exitCode = 1
}
