import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { createMemoryBusLine } from '../memory/bus.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import type { Clock } from '../ports/index.ts'
import { createWorld, join, settle, unhurried } from '../testing/kit.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { controlOf, createStage } from '../testing/terminal-kit.ts'
import { createTestMesh } from '../testing/test-mesh.ts'
import { quiet } from '../testing/two-nodes.ts'
import { createKeyring, generateSigningKey } from '../tokens/keys.ts'

const hour = 60 * 60_000
const minutes = 60_000

describe('when the wall clock jumps', () => {
  it.each([4 * minutes, -hour])(
    'by %i ms, control goes on, is kept to itself, and ends when it would have',
    async (jump) => {
      const s = await createStage(await createWorld({ limits: unhurried }))
      const { bob, cleo, ann } = s.peers
      const fence = await s.control(cleo)
      s.clock.advance(5_000)
      s.clock.jump(jump)
      expect((await s.take(ann)).code).toBe('CONFLICT')
      const { type, payload } = await s.renew(cleo, fence)
      expect(type).toBe('terminal.control.granted')
      // What clients are told is by the clock that they hear of.
      expect(Date.parse(String(payload.expires_at)) - s.clock.now()).toBe(15_000)
      expect((await join(ann, s.room)).payload.terminals).toMatchObject([
        { holder: cleo.peer_id, expires_at: payload.expires_at },
      ])
      s.clock.advance(14_999)
      await settle(bob)
      expect(bob.frames.some((frame) => frame.type === 'terminal.control.released')).toBe(false)
      s.clock.advance(1)
      await settle(bob)
      expect(bob.frames.at(-1)).toMatchObject({
        type: 'terminal.control.released',
        payload: { fence, reason: 'expired' },
      })
      expect((await s.take(ann)).type).toBe('terminal.control.granted')
    },
  )
})

it('a lease that ends with its token is told to end with it, though time passes while it is made', async () => {
  // Every reading of the wall clock is a millisecond later than the one before it; the other clock stands still.
  let read = 0
  const clock = createManualClock()
  const hurrying: Clock = { ...clock, now: () => clock.now() + read++ }
  const s = await createStage(await createWorld({ limits: { ...unhurried, terminal_lease_ms: hour }, clock: hurrying }))
  const { cleo, bob } = s.peers
  const cap_token = await controlOf(cleo, s.room, bob, { ttl_s: 60 })
  const exp = Number(decodeJwt(cap_token).exp) * 1000
  const asked = { terminal_id: s.terminal_id, cap_token }
  const taken = await cleo.ask('terminal.control.take', 'server', asked)
  const renewed = await cleo.ask('terminal.control.renew', 'server', { ...asked, fence: taken.payload.fence })
  for (const { payload } of [taken, renewed]) expect(Date.parse(String(payload.expires_at))).toBe(exp)
})

describe('nodes whose wall clocks differ', () => {
  /** Two nodes on one storage, which has a clock; the wall clock of the second is off by so much. Cleo controls bob's. */
  async function createPair(off: number) {
    const clock = createManualClock()
    const storage = { ...createMemoryStorage(), now: () => clock.now() }
    const line = createMemoryBusLine()
    const capabilityKeys = await createKeyring([await generateSigningKey()])
    const shared = { storage, capabilityKeys, limits: { ...unhurried, terminal_lease_ms: 5_000 } }
    const s = await createStage(await createWorld({ ...shared, clock, bus: line.connect() }))
    let isStopped = false
    const elsewhere: Clock = {
      ...clock,
      now: () => clock.now() + off,
      after: (ms, run) => clock.after(ms, () => isStopped || run()),
    }
    const other = await createTestMesh({ ...shared, clock: elsewhere, bus: line.connect() })
    await quiet()
    const ann = await other.connect(s.ann)
    await join(ann, s.room)
    await quiet()
    const take = async () => {
      const cap_token = await controlOf(ann, s.room, s.peers.bob)
      const asked = { terminal_id: s.terminal_id, cap_token }
      return ann.ask('terminal.control.take', 'server', asked)
    }
    return { ...s, clock, away: ann, takeAway: take, stopOther: () => (isStopped = true) }
  }

  it.each([10 * minutes, -10 * minutes])('by %i ms: none takes control before its time, or after', async (off) => {
    const { away, takeAway, stopOther, ...s } = await createPair(off)
    const { cleo, bob } = s.peers
    const fence = await s.control(cleo)
    s.clock.advance(4_000)
    await quiet()
    expect((await takeAway()).code).toBe('CONFLICT')
    expect((await s.renew(cleo, fence)).type).toBe('terminal.control.granted')
    s.clock.advance(5_000)
    await quiet()
    const granted = await takeAway()
    expect(granted).toMatchObject({ type: 'terminal.control.granted', payload: { fence: fence + 1 } })
    await quiet()
    // The host hears of its end when it has come, though the node that granted it is not there to say so.
    stopOther()
    s.clock.advance(4_500)
    await quiet()
    const ended = () =>
      bob.frames.filter(({ type, payload }) => type.endsWith('released') && payload.fence === fence + 1)
    expect(ended()).toEqual([])
    s.clock.advance(500)
    await quiet()
    expect(ended()).toMatchObject([{ payload: { reason: 'expired' } }])
    expect(away.frames.filter(({ type }) => type === 'terminal.control.granted')).toHaveLength(2)
  })
})
