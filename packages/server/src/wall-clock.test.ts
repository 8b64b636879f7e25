import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchClock } from './wall-clock.ts'

let directory: string
const time = { wall: Date.UTC(2030, 0, 1), since: 0 }
const clocks = { now: () => time.wall, monotonic: () => time.since }
const logged: object[] = []
const log = (fields: object, message: string) => void logged.push({ ...fields, message })
const logger = { debug: log, info: log, warn: log, error: log }

function pass(ms: number, wallMs = ms): void {
  time.since += ms
  time.wall += wallMs
  vi.advanceTimersByTime(ms)
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesh-clock-'))
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  logged.length = 0
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(directory, { recursive: true })
})

it('a jump of more than 5 s is logged, once, whichever way it goes', async () => {
  const clock = await watchClock(directory, logger, clocks)
  pass(60_000)
  pass(5_000, 9_000)
  expect(logged).toEqual([])
  pass(5_000, 7_000)
  pass(60_000)
  expect(logged).toEqual([{ jump_ms: 6_000, message: 'clock_jump' }])
  pass(5_000, -3_595_000)
  pass(5_000)
  expect(logged.slice(1)).toEqual([{ jump_ms: -3_600_000, message: 'clock_jump' }])
  await clock.close()
})

it('a start far behind the last run is refused until somebody confirms it', async () => {
  await (await watchClock(directory, logger, clocks)).close()
  const file = join(directory, 'clock')
  expect(await readFile(file, 'utf8')).toBe(`${new Date(time.wall).toISOString()}\n`)
  time.wall -= 5 * 60_000
  await (await watchClock(directory, logger, clocks)).close()
  time.wall -= 5 * 60_000 + 1
  await expect(watchClock(directory, logger, clocks)).rejects.toThrow(`or remove ${file} if it is.`)
  await rm(file)
  await (await watchClock(directory, logger, clocks)).close()
})
