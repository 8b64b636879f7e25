import { parentPort } from 'node:worker_threads'
import { hashSync, parseOptions, verifySync } from '@node-rs/bcrypt'

/** One piece of work for the worker. `real: false` costs the same and is false whatever comes out. */
export type PasswordJob =
  | { kind: 'hash'; password: string; cost: number }
  | { kind: 'verify'; password: string; hash: string; real: boolean; cost: number }

/** What the worker answers, in the order of the jobs. */
export type PasswordResult = { ok: true; value: string | boolean } | { ok: false; message: string }

function run(job: PasswordJob): string | boolean {
  if (job.kind === 'hash') return hashSync(job.password, { cost: job.cost, rejectLongPasswords: true })
  // verifySync answers a malformed hash at once, which would tell such an account from the others.
  const paid = costOf(job.hash)
  if (paid !== undefined && verifySync(job.password, job.hash) && job.real) return true
  // A hash that is cheaper than today's would tell its account as well: 2^c and 2^c, 2^(c+1), ... up to today's make the same.
  if (paid === undefined) verifySync(job.password, dummyHash(job.cost))
  else for (let cost = paid; cost < job.cost; cost++) verifySync(job.password, dummyHash(cost))
  return false
}

/** The cost of a hash; undefined for what is none. */
function costOf(text: string): number | undefined {
  try {
    return parseOptions(text).cost
  } catch {
    return undefined
  }
}

/** A well-formed hash that no password is known for. */
function dummyHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`
}

parentPort?.on('message', (job: PasswordJob) => {
  let result: PasswordResult
  try {
    result = { ok: true, value: run(job) }
  } catch (error) {
    result = { ok: false, message: error instanceof Error ? error.message : 'unknown' }
  }
  parentPort?.postMessage(result)
})
