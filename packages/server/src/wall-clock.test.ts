import { expect, it } from 'vitest'
import { createWallClock } from './wall-clock.ts'

/** A wall clock over a machine whose clocks are told what to show, and what it logs. */
function setUp(rightBy?: number) {
  const shown = { wall: Date.UTC(2030, 0, 1), since: 0 }
  const logged: object[] = []
  const log = (fields: object, message: string) => void logged.push({ ...fields, message })
  const clocks = { now: () => shown.wall, monotonic: () => shown.since }
  const right = rightBy === undefined ? undefined : () => Date.UTC(2030, 0, 1) + rightBy + shown.since
  const clock = createWallClock({ debug: log, info: log, warn: log, error: log }, { clocks, right })
  /** Lets time pass, and the wall clock show so much more. */
  const pass = (ms: number, wallMs = ms) => {
    shown.since += ms
    shown.wall += wallMs
    return clock.now()
  }
  return { shown, logged, clock, pass }
}

it('a jump of more than 5 s is logged and counted, once, whichever way it goes', () => {
  const { pass, logged, clock } = setUp()
  pass(60_000)
  pass(5_000, 9_000)
  expect(logged).toEqual([])
  pass(5_000, 11_000)
  pass(60_000)
  expect(logged).toEqual([{ jump_ms: 6_000, message: 'clock_jump' }])
  pass(5_000, -3_595_000)
  pass(5_000)
  expect(logged.slice(1)).toEqual([{ jump_ms: -3_600_000, message: 'clock_jump' }])
  expect(clock.jumps).toBe(2)
})

it('the time follows the machine forward, and goes on where that is set back', () => {
  const { pass, shown } = setUp()
  expect(pass(1_000, 3_600_000)).toBe(shown.wall)
  const before = shown.wall
  expect(pass(0, -3_600_000)).toBe(before)
  expect(pass(10_000)).toBe(before + 10_000)
  expect(pass(3_600_000)).toBe(before + 3_610_000)
  // Until the machine is right again.
  expect(pass(1_000, 3_601_000)).toBe(shown.wall)
})

it('where the machine is set back a little, time passes slower until it has caught up, and never back', () => {
  const { pass, shown } = setUp()
  const before = shown.wall
  expect(pass(0, -2_000)).toBe(before)
  expect(pass(10_000)).toBe(before + 9_900)
  for (let passed = 10_000; passed < 220_000; passed += 10_000) pass(10_000)
  expect(pass(0)).toBe(shown.wall)
})

it('where there is another clock to go by, the machine is followed back to that, and to no other time', () => {
  const { pass, shown, clock } = setUp(-600_000)
  expect(clock.off()).toBe(600_000)
  const before = shown.wall
  expect(pass(1_000, -299_000)).toBe(before + 1_000)
  expect(pass(1_000, -299_000)).toBe(before - 598_000)
  expect(clock.off()).toBe(0)
})
