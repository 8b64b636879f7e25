import { describe, expect, it } from 'vitest'
import type { Lease } from '../ports/index.ts'
import { holderOf, isAlive, mayRelease, mayRenew, standingOf } from './lease.ts'

const lease: Lease = { peer_id: 'peer_a', user_id: 'usr_a', expires_at: 1_000 }

describe('whoever wants a lease finds it', () => {
  it.each([
    ['free', null, 'peer_b', false, 0],
    ['free', null, 'peer_b', true, 0],
    ['held', lease, 'peer_b', false, 999],
    ['forced', lease, 'peer_b', true, 999],
    ['own', lease, 'peer_a', false, 999],
    ['own', lease, 'peer_a', true, 999],
    ['expired', lease, 'peer_b', false, 1_000],
    ['expired', lease, 'peer_a', true, 1_000],
  ] as const)('%s', (standing, of, peer_id, force, now) => {
    expect(standingOf({ lease: of }, { peer_id, force, now })).toBe(standing)
  })
})

describe('a lease', () => {
  const terminal = { lease, fence: 3 }

  it('is renewed by its holder, under its fence, before its end', () => {
    const renewal = { peer_id: 'peer_a', fence: 3, now: 999 }
    expect(mayRenew(terminal, renewal)).toBe(true)
    for (const wrong of [{ peer_id: 'peer_b' }, { fence: 2 }, { fence: 4 }, { now: 1_000 }]) {
      expect(mayRenew(terminal, { ...renewal, ...wrong })).toBe(false)
    }
    expect(mayRenew({ lease: null, fence: 3 }, renewal)).toBe(false)
  })

  it('is released if everything that is said of it is so', () => {
    for (const so of [{}, { holder: 'peer_a' }, { fence: 3 }, { overdue: 1_000 }, { holder: 'peer_a', fence: 3 }]) {
      expect(mayRelease(terminal, so)).toBe(true)
      expect(mayRelease({ lease: null, fence: 3 }, so)).toBe(false)
    }
    for (const wrong of [{ holder: 'peer_b' }, { fence: 2 }, { overdue: 999 }, { holder: 'peer_a', fence: 4 }]) {
      expect(mayRelease(terminal, wrong)).toBe(false)
    }
  })

  it('has a holder until its end, and a terminal lives until nobody vouches for it', () => {
    expect([holderOf(terminal, 999), holderOf(terminal, 1_000), holderOf({ lease: null }, 0)]).toEqual([
      'peer_a',
      undefined,
      undefined,
    ])
    expect([isAlive({ alive_until: 5 }, 4), isAlive({ alive_until: 5 }, 5)]).toEqual([true, false])
  })
})
