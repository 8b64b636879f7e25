import { describe, expect, it } from 'vitest'
import { Bucket } from './bucket.ts'

describe('a bucket', () => {
  it('starts full, and says how long until there is enough again', () => {
    const bucket = new Bucket({ burst: 3, per_s: 500 }, 0)
    expect([bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0, 2])
    expect([bucket.take(1), bucket.take(2)]).toEqual([1, 0])
    expect(bucket.take(2, 3)).toBe(6)
  })

  it('never holds more than its burst, however long nothing was taken', () => {
    const bucket = new Bucket({ burst: 3, per_s: 500 }, 0)
    expect(Array.from({ length: 4 }, () => bucket.take(3_600_000))).toEqual([0, 0, 0, 2])
  })
})
