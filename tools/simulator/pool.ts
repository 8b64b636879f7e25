import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Report } from './seeds.ts'

/** Runs seeds in a process of its own; resolves when it is through. `hear` gets a report every few hundred seeds. */
export function runSeeds(
  {
    from,
    to,
    step = 1,
    core,
    first = false,
  }: { from: number; to: number; step?: number; core?: string; first?: boolean },
  hear: (report: Report) => void,
): Promise<void> {
  const args = ['--from', String(from), '--to', String(to), '--step', String(step)]
  if (core !== undefined) args.push('--core', core)
  if (first) args.push('--first')
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('seeds.ts', import.meta.url)), args, { execArgv: process.execArgv })
    child.on('message', (report) => hear(report as Report))
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`seeds.ts ended with ${code}`))))
  })
}
