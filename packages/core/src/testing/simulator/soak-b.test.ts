import { expect, it } from 'vitest'
import { lackingIn } from './coverage.ts'
import { soak } from './soak.ts'

// Two files of a thousand seeds each, so that two workers share them.
const first = 1_001

it(
  'keeps every promise under a thousand seeds, which come across everything there is',
  { timeout: 120_000 },
  async () => {
    const { failures, coverage } = await soak(Array.from({ length: 1_000 }, (_, index) => first + index))
    expect(failures).toEqual([])
    expect(lackingIn(coverage)).toEqual([])
  },
)
