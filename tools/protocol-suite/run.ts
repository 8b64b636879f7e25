import assert from 'node:assert/strict'
import type { Case } from './case.ts'
import { allCases } from './cases/index.ts'
import { call } from './rest.ts'
import { createUsers } from './users.ts'
import { createWorld, Skipped, type Target } from './world.ts'

/** What became of a case. `detail` says why it failed or was skipped. */
export interface Result extends Pick<Case, 'id' | 'section' | 'rule'> {
  outcome: 'passed' | 'failed' | 'skipped'
  detail?: string
  ms: number
}

/** How the suite is run. */
export interface SuiteOptions {
  /** Where the server is, e.g. `http://127.0.0.1:7330`. */
  url: string
  /** An administrator's login. */
  admin: { username: string; password: string }
  /** Only cases whose id matches; all unless told. */
  only?: RegExp | undefined
  /** How many cases run at once, those that wait for timeouts not counted. */
  concurrency?: number
  /** Hears of each case as it ends. */
  onResult?(result: Result): void
}

/** How long a case may take beside its waiting; most of it is waiting for people. */
const caseMs = 60_000

/** Runs the cases against a server and returns what became of each. @throws Error when the server cannot be used at all */
export async function runSuite(options: SuiteOptions): Promise<Result[]> {
  const { only, concurrency = 8, onResult } = options
  const target = await reach(options)
  const chosen = allCases.filter(({ id }) => only === undefined || only.test(id))
  const results: Result[] = []

  async function run(one: Case): Promise<void> {
    const started = Date.now()
    const { id, section, rule } = one
    const result: Result = { id, section, rule, ms: 0, ...(await outcomeOf(one, target)) }
    result.ms = Date.now() - started
    results.push(result)
    onResult?.(result)
  }

  const slow = chosen.filter(({ waits }) => waits > 0).sort((a, b) => b.waits - a.waits)
  const queue = chosen.filter(({ waits }) => waits === 0)
  const waiting = slow.map(run)
  const lanes = Array.from({ length: concurrency }, async () => {
    for (let one = queue.shift(); one; one = queue.shift()) await run(one)
  })
  await Promise.all([...waiting, ...lanes])
  const left = await target.users.removeAll()
  if (left > 0) console.error(`${left} accounts of the suite (suite-…) could not be deleted`)
  return results
}

async function reach({ url, admin }: SuiteOptions): Promise<Target> {
  const base = url.replace(/\/+$/, '')
  const login = await call(`${base}/api/v1/auth/login`, 'POST', { body: admin })
  assert.equal(login.status, 200, `The administrator's login failed: ${JSON.stringify(login.body)}`)
  const { body } = await call(`${base}/version`, 'GET')
  const { user_id } = login.body.user as { user_id: string }
  const as = { token: String(login.body.access_token), user_id }
  return { base, issuer: String(body.issuer), admin: as, users: createUsers(`${base}/api/v1`, as) }
}

async function outcomeOf(one: Case, target: Target): Promise<Pick<Result, 'outcome' | 'detail'>> {
  const { world, end } = createWorld(target)
  const limit = caseMs + one.waits * 1_000
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limit / 1000} s`)), limit)
  })
  try {
    await Promise.race([one.run(world), late]).finally(end)
    return { outcome: 'passed' }
  } catch (error) {
    if (error instanceof Skipped) return { outcome: 'skipped', detail: error.message }
    return { outcome: 'failed', detail: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}
