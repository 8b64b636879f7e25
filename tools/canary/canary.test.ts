import { beforeAll, describe, expect, it } from 'vitest'
import { runCanaries, type Report } from './run.ts'

const minutes = 60_000

describe('a run with a canary in everything that is secret', () => {
  let report: Report
  beforeAll(async () => {
    const begun = performance.now()
    report = await runCanaries()
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    const { secrets, places, bytes } = report
    const count = [...secrets.values()].reduce((sum, some) => sum + some, 0)
    console.log(`${count} secrets of ${secrets.size} kinds, ${places.length} places, ${bytes} bytes, ${seconds} s`)
    console.log([...secrets].map(([kind, some]) => `${kind} ${some}`).join(', '))
  }, 5 * minutes)

  it('goes through every route and every event', () => {
    expect(report.routes.answered.toSorted()).toEqual(report.routes.all.toSorted())
    expect(report.events.answered.toSorted()).toEqual(report.events.all.toSorted())
  })

  it('finds none of them where it does not belong', () => {
    expect(report.hits).toEqual([])
  })
})

/** Where `leaks.ts` lets something out, one of each kind of place. */
const leaks = [
  ...['log', 'stderr', 'cli user create', 'cli stderr', 'audit export'],
  ...['answer getMe', 'error login', 'event system.welcome', 'error event', 'close reason'],
  ...['table planted', 'table mesh_audit', 'file mesh.db'],
]

describe('a run of a server and a command line that leak', () => {
  it('finds a leak in every place where something can come out', { timeout: 5 * minutes }, async () => {
    const { hits } = await runCanaries({ leaky: true })
    const found = new Set(hits.map(({ place }) => place))
    expect([...found]).toEqual(expect.arrayContaining(leaks))
  })
})
