import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../testing/kit.ts'
import { createSlowStorage } from '../testing/slow-storage.ts'
import { controlOf, createStage } from '../testing/terminal-kit.ts'
import type { Frame, TestClient } from '../testing/index.ts'

/** The stage on a storage that is as slow as the seed says, from `slow` on. */
async function createRace(seed: number) {
  let state = seed | 1
  let turns = 0
  const random = (n: number) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    return (state >>> 8) % n
  }
  const storage = createSlowStorage(async () => {
    for (let i = turns && random(turns); i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
  })
  const s = await createStage(await createWorld({ storage }))
  return {
    ...s,
    random,
    slow: () => void (turns = 6),
    /** Ends a race: whatever was held back is told by now. */
    async finish(...all: Promise<unknown>[]) {
      await Promise.allSettled(all)
      turns = 0
      for (let i = 0; i < 4; i++) {
        s.clock.advance(250)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    },
  }
}

type Race = Awaited<ReturnType<typeof createRace>>

const log = (s: Race) => s.storage.events.list(s.room, { after: 0, limit: 10_000 })

/** What a client heard of control and of who left, in order. */
const heardOf = (client: TestClient) =>
  client.frames.filter(({ type }) => type.startsWith('terminal.control.') || type === 'room.left')

describe('a removal that meets a take', () => {
  it('wins: nothing is granted to somebody who is out, in 200 races', async () => {
    const outcomes = new Map<string, number>()
    for (let round = 0; round < 200; round++) {
      const s = await createRace(round)
      const { bob, cleo } = s.peers
      const cap_token = await controlOf(cleo, s.room, bob)
      s.slow()
      const take = cleo.ask('terminal.control.take', 'server', { terminal_id: s.terminal_id, cap_token })
      for (let i = s.random(12); i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
      await s.finish(take, s.remove(s.cleo))
      const { type, code } = await take
      outcomes.set(code ?? type, (outcomes.get(code ?? type) ?? 0) + 1)

      const events = await log(s)
      const removed = events.find((event) => event.type === 'room.member.removed')?.seq ?? 0
      const grants = events.filter((event) => event.type === 'terminal.control.granted')
      const ends = events.filter((event) => event.type === 'terminal.control.released')
      expect(grants.every(({ seq }) => seq < removed)).toBe(true)
      expect(ends.map(({ payload }) => payload.fence)).toEqual(grants.map(({ payload }) => payload.fence))
      expect((await s.storage.terminals.find(s.terminal_id))?.lease).toBe(null)
      // A grant that got its place before the removal may be told after it; then its end is told with it.
      const told = heardOf(bob)
      const isOut = told.findIndex((frame) => frame.type === 'room.left')
      for (const [i, frame] of told.entries()) {
        if (i > isOut && frame.type === 'terminal.control.granted') {
          expect(told[i + 1]).toMatchObject({ type: 'terminal.control.released', payload: { reason: 'revoked' } })
        }
      }
      expect(heardOf(cleo).at(-1)?.type).toBe('room.left')
      if (code !== undefined) expect(['ACCESS_DENIED', 'NOT_FOUND']).toContain(code)
    }
    // Both orders have to have been met, or the races were none.
    expect([...outcomes.keys()].sort()).toEqual(['ACCESS_DENIED', 'NOT_FOUND', 'terminal.control.granted'])
  })
})

describe('a start that meets the end of the right to it', () => {
  it.each([
    ['a demotion', (s: Race) => s.setRole(s.bob, 'guest')],
    ['a removal', (s: Race) => s.remove(s.bob)],
    ['the loss of the connection', async (s: Race) => s.peers.bob.vanish()],
  ] as const)('leaves no terminal open: %s, in 60 races', async (_what, end) => {
    let started = 0
    for (let round = 0; round < 60; round++) {
      const s = await createRace(round)
      s.slow()
      const start = s.peers.bob.ask('terminal.share.start', s.room, { room_id: s.room, title: 'late' })
      for (let i = s.random(12); i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
      await s.finish(start, end(s))
      const events = await log(s)
      const starts = events.filter(({ type }) => type === 'terminal.share.started')
      const stops = events.filter(({ type }) => type === 'terminal.share.stopped')
      expect(stops.map(({ payload }) => payload.terminal_id).sort()).toEqual(
        starts.map(({ payload }) => payload.terminal_id).sort(),
      )
      started += starts.length - 1
    }
    expect(started).toBeGreaterThan(0)
  })
})

const who = fc.constantFrom('ann' as const, 'bob' as const, 'cleo' as const)
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const), who, force: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('renew' as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(9_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('demote' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      who: fc.constantFrom('ann' as const, 'cleo' as const),
    }),
  },
)

const fenceOf = ({ payload }: Pick<Frame, 'payload'>) => Number(payload.fence)

describe('the lease under random schedules', () => {
  it('has at most one holder per fence, and fences only rise', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(action, { minLength: 5, maxLength: 30 }), async (seed, actions) => {
        const s = await createRace(seed)
        const peers = { ...s.peers }
        const all: TestClient[] = Object.values(s.peers)
        const latest = { ann: 0, bob: 0, cleo: 0 }
        const pending: Promise<unknown>[] = []
        s.slow()
        for (const step of actions) {
          if (step.kind === 'take') {
            const client = peers[step.who]
            const force = step.force && step.who !== 'cleo'
            const taken = s.take(client, { force }).then((frame) => {
              if (frame.type === 'terminal.control.granted') latest[step.who] = fenceOf(frame)
            })
            pending.push(taken.catch(() => {}))
          } else if (step.kind === 'renew') pending.push(s.renew(peers[step.who], latest[step.who]).catch(() => {}))
          else if (step.kind === 'release') pending.push(s.release(peers[step.who]).catch(() => {}))
          else if (step.kind === 'advance') s.clock.advance(step.ms)
          else if (step.kind === 'demote')
            pending.push(s.setRole(s.cleo, 'guest').then(() => s.setRole(s.cleo, 'member')))
          else {
            peers[step.who].vanish()
            all.push((peers[step.who] = await s.enter(s[step.who])))
          }
          for (let i = s.random(8); i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
        }
        await s.finish(...pending)

        const holders = new Map<number, string>()
        const over = new Set<number>()
        let highest = 0
        for (const { type, payload } of await log(s)) {
          const fence = Number(payload.fence)
          if (type === 'terminal.control.granted') {
            expect(fence).toBe(highest + 1)
            highest = fence
            holders.set(fence, String(payload.peer_id))
          } else if (type === 'terminal.control.released') {
            expect(fence).toBe(highest)
            expect(over.has(fence)).toBe(false)
            over.add(fence)
          }
        }
        for (const client of all) {
          let known = 0
          let seq = 0
          const ended = new Set<number>()
          for (const frame of heardOf(client)) {
            const fence = fenceOf(frame)
            // Whoever heard of the event before its own request was answered is told a second time, by the same `seq`.
            if (Number(frame.payload.seq) <= seq) continue
            seq = Number(frame.payload.seq ?? seq)
            if (frame.type === 'terminal.control.released') ended.add(fence)
            if (frame.type !== 'terminal.control.granted') continue
            // A grant or its renewal: by its holder alone, never after its end, never under a lower fence than before.
            expect(frame.payload.peer_id).toBe(holders.get(fence))
            expect(ended.has(fence)).toBe(false)
            expect(fence).toBeGreaterThanOrEqual(known)
            known = fence
          }
        }
      }),
      { numRuns: Number(process.env['MESH_RUNS'] ?? 200) },
    )
  })
})
