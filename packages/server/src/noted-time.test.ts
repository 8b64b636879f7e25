import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { noteTime } from './noted-time.ts'

it('a start far behind the last run is refused until somebody confirms it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-clock-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  let time = Date.UTC(2030, 0, 1)
  const start = (off?: number) => noteTime(directory, { now: () => time, off: () => off })
  const file = join(directory, 'clock')
  await (await start()).close()
  expect(await readFile(file, 'utf8')).toBe(`${new Date(time).toISOString()}\n`)
  time -= 5 * 60_000
  await (await start()).close()
  time -= 5 * 60_000 + 1
  await expect(start()).rejects.toThrow(`or remove ${file} if it is.`)
  await expect(start(10_000)).rejects.toThrow('set it right')
  // The database says the same.
  await (await start(-1_000)).close()
  time -= 5 * 60_000 + 1
  await expect(start()).rejects.toThrow('set it right')
  await rm(file)
  await (await start()).close()
})

it('the time is noted every minute', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-clock-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  let time = Date.UTC(2030, 0, 1)
  const noted = await noteTime(directory, { now: () => time, off: () => undefined })
  time += 60_000
  vi.advanceTimersByTime(60_000)
  const text = () => readFile(join(directory, 'clock'), 'utf8')
  await vi.waitUntil(async () => (await text()) === `${new Date(time).toISOString()}\n`, { timeout: 2_000 })
  await noted.close()
})
