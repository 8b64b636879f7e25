import { describe, expect, it } from 'vitest'
import { fingerprintOf, simulate, violationsOf } from './index.ts'

describe('a run', () => {
  it('repeats to the letter under the same seed, and differs under another', async () => {
    const prints = new Set<string>()
    for (const seed of [1, 2, 3, 4, 5]) {
      const print = fingerprintOf(await simulate({ seed }))
      expect(fingerprintOf(await simulate({ seed }))).toBe(print)
      prints.add(print)
    }
    expect(prints.size).toBe(5)
  })

  it('has clients that ask for each room once when their session begins', async () => {
    // Nothing breaks, so that nobody has to ask once more.
    const { entries } = await simulate({ seed: 1, plan: { faults: new Set() } })
    const joins = entries.flatMap((entry) =>
      entry.kind === 'send' && entry.frame.type === 'room.join' ? [`${entry.conn} ${entry.frame.id}`] : [],
    )
    expect(joins.length).toBeGreaterThan(0)
    expect(joins).toEqual([...new Set(joins)])
  })

  it('follows the plan it is given', async () => {
    const history = await simulate({ seed: 1, plan: { nodes: 1, faults: new Set() } })
    expect(history.entries.filter(({ kind }) => kind === 'fault')).toEqual([])
    expect(new Set(history.entries.flatMap((entry) => (entry.kind === 'open' ? [entry.node] : [])))).toEqual(
      new Set(['n0.1']),
    )
    expect(violationsOf(history)).toEqual([])
  })
})
