import { describe, expect, it, vi } from 'vitest'
import { claimsOf, createP2pWorld, createSlowRing, standing, type P2pWorld } from '../testing/p2p-kit.ts'

/** The limits in a token. */
function limitsIn(token: unknown) {
  const { max_size, max_rate } = claimsOf(token)
  return [max_size, max_rate]
}

/** The limits after a renewal. */
async function renewed(w: P2pWorld, session_id: string, ...how: [by?: P2pWorld['a'], limits?: object]) {
  return limitsIn((await w.renew(session_id, ...how)).payload.session_token)
}

describe('a renewal', () => {
  it('lowers what a session allows to what the token shown does, whichever end shows it, and never raises it', async () => {
    const w = await createP2pWorld()
    const { session_id, token } = await w.agree()
    expect(limitsIn(token)).toEqual([1_073_741_824, 0])
    expect(await renewed(w, session_id, w.a, { max_size: 1_000 })).toEqual([1_000, 0])
    expect(await renewed(w, session_id, w.b, { max_size: 5_000, max_rate: 7 })).toEqual([1_000, 7])
    expect(await renewed(w, session_id, w.a, { max_size: 10, max_rate: 9 })).toEqual([10, 7])
    expect(await renewed(w, session_id, w.b, { max_rate: 0 })).toEqual([10, 7])
    expect(await renewed(w, session_id)).toEqual([10, 7])
    expect(limitsIn((await w.b.next('p2p.session.renewed')).payload.session_token)).toEqual([1_000, 0])
  })

  it('does not raise it either where the room allows more than it did', async () => {
    const w = await createP2pWorld()
    await w.mesh.rooms.update('administrator', w.room, { policy: { max_size: 100, max_rate: 9 } })
    const { session_id } = await w.agree()
    await w.mesh.rooms.update('administrator', w.room, { policy: { max_size: 1_000, max_rate: 0 } })
    expect(await renewed(w, session_id)).toEqual([100, 9])
  })

  it('does not raise it either where it is overtaken by one that lowers it', async () => {
    const { gates, pace, capabilityKeys } = await createSlowRing()
    pace.isSlow = false
    const w = await standing('open', { capabilityKeys })
    pace.isSlow = true
    const first = renewed(w, w.session_id)
    await vi.waitFor(() => expect(gates).toHaveLength(1))
    pace.isSlow = false
    expect(await renewed(w, w.session_id, w.b, { max_size: 10, max_rate: 5 })).toEqual([10, 5])
    gates[0]?.open()
    expect(await first).toEqual([10, 5])
  })
})
