import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLimits, silentLogger } from '@mesh/core'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { keepAttempts } from './attempts-file.ts'
import { createAttempts } from './attempts.ts'

let directory: string
let now: number
const warn = vi.fn()

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesh-attempts-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  now = 1_700_000_000_000
  warn.mockClear()
})

/** A node that starts; its monotonic clock begins anew, and stands still. */
async function start(account = { burst: 2, per_s: 0.1 }) {
  const attempts = createAttempts({ ...defaultLimits.attempts, account }, () => 0)
  const kept = await keepAttempts({ directory, attempts, now: () => now, logger: { ...silentLogger, warn } })
  const left = (key: string) => {
    for (let count = 0; ; count++) {
      try {
        attempts.take('account', key)
      } catch {
        return count
      }
    }
  }
  return { attempts, left, stop: kept.close }
}

async function useUp(...keys: string[]): Promise<void> {
  const node = await start()
  for (const key of keys) node.left(key)
  await node.stop()
}

it.each([
  ['nothing, at once', 0, [0, 1, 2]],
  ['as much as time brought', 10_000, [1, 2, 2]],
  ['a full bucket and no more, after long', 3_600_000, [2, 2, 2]],
  ['nothing, where the clock went back', -3_600_000, [0, 1, 2]],
])('gives back %s', async (_what, passed, expected) => {
  const before = await start()
  before.left('ann')
  before.attempts.take('account', 'bob')
  await before.stop()
  now += passed
  const node = await start()
  expect([node.left('ann'), node.left('bob'), node.left('cleo')]).toEqual(expected)
})

it.each([
  [5, 3],
  [1, 0],
])('goes by the limits of today: of %i at once %i are left', async (burst, expected) => {
  await useUp('ann')
  const node = await start({ burst, per_s: 0.1 })
  expect(node.left('ann')).toBe(expected)
})

it('writes nothing where nothing is counted', async () => {
  const node = await start()
  node.attempts.take('account', 'ann')
  node.attempts.giveBack('account', 'ann')
  await node.stop()
  expect(await readdir(directory)).toEqual([])
})

it('keeps what a start took over that did not last', async () => {
  await useUp('ann')
  await (await start()).stop()
  expect((await start()).left('ann')).toBe(0)
})

it('takes over what several nodes left in one directory', async () => {
  const [one, other] = [await start(), await start()]
  one.left('ann')
  other.attempts.take('account', 'ann')
  other.left('bob')
  other.attempts.welcome('cleo at home')
  await Promise.all([one.stop(), other.stop()])
  expect(await readdir(directory)).toHaveLength(2)
  const node = await start()
  expect([node.left('ann'), node.left('bob'), node.attempts.isWelcome('cleo at home')]).toEqual([0, 0, true])
  expect(await readdir(directory)).toEqual([])
})

it('keeps the emptiest of too many', async () => {
  const node = await start()
  node.left('ann')
  for (let i = 0; i < 10_000; i++) node.attempts.take('account', `name ${i}`)
  await node.stop()
  const [name = ''] = await readdir(directory)
  expect((await readFile(join(directory, name))).length).toBeLessThan(1_000_000)
  const next = await start()
  expect([next.left('ann'), next.left('name 0'), next.left('name 9999')]).toEqual([0, 2, 1])
})

it('warns once of a file that it cannot use, removes it, and leaves alone what is not its own', async () => {
  await writeFile(join(directory, 'attempts-0123456789abcdef.json'), '{"at":1e999,"spent":{},"welcome":[]}', {
    mode: 0o600,
  })
  await writeFile(join(directory, 'attempts-fedcba9876543210.json.new'), '{"at":', { mode: 0o600 })
  await writeFile(join(directory, 'attempts-notes.json'), 'mine')
  await useUp('ann')
  expect(warn).toHaveBeenCalledTimes(1)
  const names = await readdir(directory)
  expect(names).toHaveLength(2)
  expect(names).toContain('attempts-notes.json')
})

it('does not mind a directory that is not there', async () => {
  await rm(directory, { recursive: true })
  await useUp('ann')
  expect((await start()).left('ann')).toBe(0)
  expect(warn).not.toHaveBeenCalled()
})
