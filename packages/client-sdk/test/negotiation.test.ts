import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createScriptedPeer, read } from './scripted-peer.ts'
import type { ScriptedPeer, Signal } from './scripted-peer.ts'

type Side = 'a' | 'b'
type Act = 'addTrack' | 'restartIce'

const seed = 20_250_811

/** Two ends whose every step, description and candidate takes its turn when the scheduler says so. */
function session(scheduler: fc.Scheduler): {
  ends: Record<Side, ScriptedPeer>
  act(side: Side, what: Act): void
  said: string[]
} {
  const said: string[] = []
  const step = (label: string) => scheduler.schedule(Promise.resolve(), label)
  const wire = (to: Side) => {
    // Descriptions keep their order, as on one WebSocket; candidates may come before or long after their description.
    let line: Promise<unknown> = Promise.resolve()
    return (signal: Signal): void => {
      if (signal.type === 'candidate') {
        void step(`candidate to ${to}`).then(() => ends[to].negotiation.candidate(signal.candidate))
        return
      }
      said.push(signal.type)
      line = line
        .then(() => step(`${signal.type} to ${to}`))
        .then(() => {
          void ends[to].negotiation.describe(signal.type, signal.sdp)
        })
    }
  }
  const ends = {
    a: createScriptedPeer({ name: 'a', polite: true, step, send: wire('b') }),
    b: createScriptedPeer({ name: 'b', polite: false, step, send: wire('a') }),
  }
  const act = (side: Side, what: Act): void => void step(`${side} ${what}`).then(() => ends[side][what]())
  return { ends, act, said }
}

const acts = fc.array(
  fc.tuple(fc.constantFrom<Side>('a', 'b'), fc.constantFrom<Act>('addTrack', 'addTrack', 'restartIce')),
  { maxLength: 6 },
)

it('agrees in the end, whoever offers when, and loses no candidate', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), acts, async (scheduler, later) => {
      const { ends, act } = session(scheduler)
      // Both at once: glare as soon as the scheduler makes it so.
      for (const side of ['a', 'b'] as const) act(side, 'addTrack')
      for (const [side, what] of later) act(side, what)
      await scheduler.waitIdle()
      for (const [mine, theirs] of [
        [ends.a, ends.b],
        [ends.b, ends.a],
      ] as const) {
        const wanted = 1 + later.filter(([side, what]) => ends[side] === mine && what === 'addTrack').length
        expect(mine.faults).toEqual([])
        expect(mine.signalingState).toBe('stable')
        expect(theirs.remote?.sdp).toBe(mine.local?.sdp)
        expect(mine.local && read(mine.local, 'tracks')).toBe(String(wanted))
        const ufrag = mine.local && read(mine.local, 'ice-ufrag')
        const arrived = theirs.candidates.filter((candidate) => candidate.startsWith(`${ufrag}:`))
        expect(arrived.toSorted()).toEqual([`${ufrag}:1`, `${ufrag}:2`])
      }
    }),
    { seed, numRuns: 400 },
  )
})

it('meets glare', async () => {
  let collisions = 0
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { act, said } = session(scheduler)
      act('a', 'addTrack')
      act('b', 'addTrack')
      await scheduler.waitIdle()
      // One offer has room for the tracks of both, so a second one can only have met it on the way.
      if (said.filter((type) => type === 'offer').length > 1) collisions++
    }),
    { seed, numRuns: 50 },
  )
  // Otherwise the property above would prove less than it says.
  expect(collisions).toBeGreaterThan(5)
})

it('does nothing any more once it is stopped', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.nat({ max: 40 }), async (scheduler, turns) => {
      const { ends, act, said } = session(scheduler)
      act('a', 'addTrack')
      act('b', 'addTrack')
      for (let turn = 0; turn < turns && scheduler.count() > 0; turn++) await scheduler.waitOne()
      ends.a.negotiation.stop()
      ends.b.negotiation.stop()
      const before = said.length
      await scheduler.waitIdle()
      expect(said).toHaveLength(before)
      expect([...ends.a.faults, ...ends.b.faults]).toEqual([])
    }),
    { seed, numRuns: 200 },
  )
})

it('makes one offer at a time, and takes no answer to none', async () => {
  const steps: string[] = []
  const sent: string[] = []
  const step = async (label: string): Promise<void> => void steps.push(label)
  const peer = createScriptedPeer({ name: 'a', polite: true, step, send: ({ type }) => sent.push(type) })
  await peer.negotiation.describe('answer', 'a=ice-ufrag:b1')
  await Promise.all([peer.negotiation.negotiate(), peer.negotiation.negotiate()])
  await peer.negotiation.negotiate()
  expect(steps.filter((label) => label === 'a token')).toHaveLength(2)
  expect(steps.filter((label) => label === 'a setLocalDescription')).toHaveLength(1)
  expect(sent.filter((type) => type === 'offer')).toHaveLength(1)
  expect(peer.faults).toEqual([])
})
