import { expect, it } from 'vitest'
import { createRateLimiter } from './rate-limiter.ts'

it('gives each key a burst, then as much as time brings', () => {
  let now = 0
  const limiter = createRateLimiter({ burst: 2, per_s: 0.5 }, () => now)
  expect([limiter.take('a'), limiter.take('a'), limiter.take('a'), limiter.take('b')]).toEqual([0, 0, 2_000, 0])
  now = 1_500
  expect(limiter.take('a')).toBe(500)
  now = 2_000
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 2_000])
})

it('counts what is given back as never taken, and no more than that', () => {
  const limiter = createRateLimiter({ burst: 1, per_s: 1 }, () => 0)
  for (let i = 0; i < 10; i++) {
    expect(limiter.take('a')).toBe(0)
    limiter.giveBack('a')
  }
  limiter.giveBack('a')
  limiter.giveBack('nobody')
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 1_000])
})

it('forgets the key that was used longest ago when there are too many', () => {
  const limiter = createRateLimiter({ burst: 1, per_s: 1 }, () => 0, 2)
  limiter.take('a')
  limiter.take('b')
  expect(limiter.take('a')).toBe(1_000)
  limiter.take('c')
  expect([limiter.take('a'), limiter.take('b')]).toEqual([1_000, 0])
})

it('tells what is missing and not yet back, and takes it out again elsewhere, where no less is missing', () => {
  let now = 0
  const limiter = createRateLimiter({ burst: 2, per_s: 0.5 }, () => now)
  for (const key of ['full', 'a', 'b', 'b']) limiter.take(key)
  limiter.giveBack('full')
  now = 1_000
  expect(limiter.spent()).toEqual([
    ['a', 0.5],
    ['b', 1.5],
  ])
  const other = createRateLimiter({ burst: 2, per_s: 0.5 }, () => 0)
  other.take('b')
  other.take('b')
  for (const [key, amount] of limiter.spent()) other.restore(key, amount)
  other.restore('c', 100)
  expect([other.take('a'), other.take('a'), other.take('b'), other.take('c')]).toEqual([0, 1_000, 2_000, 2_000])
})
