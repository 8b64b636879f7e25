import { defaultLimits } from '@mesh/core'
import { expect, it } from 'vitest'
import { createAttempts } from './attempts.ts'
import { createGuesses } from './guesses.ts'

it('judging takes as long for a name that is nobody’s as for one that is used there, once many were wrong', async () => {
  const rate = { burst: 2, per_s: 0.001 }
  const guesses = createGuesses(createAttempts({ ...defaultLimits.attempts, account: rate }, () => 0))
  guesses.seen('usr_a', 'home')
  const judgedFor = async (username: string, user_id: string | undefined) => {
    let judged = 0
    const verify = async () => {
      judged++
      return false
    }
    const counts: number[] = []
    for (const network of ['1', '2', '3', 'home', 'home', 'home', undefined]) {
      await guesses.judge({ username, user_id, network }, verify).catch(() => {})
      counts.push(judged)
    }
    return counts
  }
  const known = await judgedFor('ann', 'usr_a')
  expect(known).toEqual(await judgedFor('nobody', undefined))
  expect(known).toEqual([1, 2, 3, 4, 5, 5, 5])
})

it('what nobody judged, because too many sign in at once, does not count', async () => {
  const rate = { burst: 1, per_s: 0.001 }
  const guesses = createGuesses(createAttempts({ ...defaultLimits.attempts, account: rate }, () => 0))
  const guess = { username: 'ann', user_id: 'usr_a', network: 'home' }
  const busy = () => Promise.reject(new Error('busy'))
  for (let i = 0; i < 3; i++) await expect(guesses.judge(guess, busy)).rejects.toThrow('busy')
  expect(await guesses.judge(guess, async () => true)).toBe(true)
})
