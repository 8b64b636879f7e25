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
  if (isHash(job.hash)) return verifySync(job.password, job.hash) && job.real
  verifySync(job.password, dummyHash(job.cost))
  return false
}

function isHash(text: string): boolean {
  try {
    parseOptions(text)
    return true
  } catch {
    return false
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
