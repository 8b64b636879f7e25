import { describe, expect, it } from 'vitest'
import { durationBounds, createDurations } from './durations.ts'
import type { Mesh } from './mesh-api.ts'
import { createWorld, grant, heard, newRtcId, openCall, ring, sdpOf, settle } from './testing/kit.ts'
import { createP2pWorld } from './testing/p2p-kit.ts'
import { createTwoNodes, quiet } from './testing/two-nodes.ts'

const resultsOf = (mesh: Mesh, transport: 'webrtc' | 'quic') =>
  Object.fromEntries(mesh.stats().counts.sessions[transport].counts)
const lost = (...meshes: Mesh[]) => meshes.map((mesh) => mesh.stats().counts.lostSignals.counts.get('unroutable'))

describe('durations', () => {
  it('stand in the bucket of the first bound that they do not exceed', () => {
    const took = createDurations()
    for (const s of [0, 0.001, 0.0011, 60, 60.001]) took.note(s * 1000)
    expect(took.counts).toEqual([2, 1, ...Array<number>(durationBounds.length - 3).fill(0), 1, 1])
    expect(took.sum).toBeCloseTo(120.0031, 6)
  })
})

describe('what is asked for', () => {
  it('is timed until it is done or refused, by type, and signals are not', async () => {
    const world = await createWorld()
    const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
    const { requests } = world.mesh.stats()
    const count = (type: string) => requests.get(type)?.counts.reduce((sum, n) => sum + n, 0)
    await a.ask('chat.message.send', world.room, { text: 'one' })
    await a.ask('chat.message.send', `room_${'x'.repeat(22)}`, { text: 'two' })
    await a.ask('p2p.session.reject', 'server', { session_id: `p2p_${'x'.repeat(22)}`, reason: 'busy' })
    const counted = ['room.join', 'chat.message.send', 'p2p.session.reject'].map(count)
    expect(counted).toEqual([2, 2, 1])
    await openCall(a, b, world.room)
    expect([...requests.keys()].filter((type) => type.startsWith('rtc.'))).toEqual([])
  })

  it('takes as long as the storage does', async () => {
    const world = await createWorld()
    const a = await world.enter(world.ann)
    const { append } = world.storage.events
    world.storage.events.append = async (...of) => {
      world.clock.advance(700)
      return append(...of)
    }
    await a.ask('chat.message.send', world.room, { text: 'slow' })
    await settle(a)
    expect(world.mesh.stats().requests.get('chat.message.send')?.sum).toBeCloseTo(0.7)
  })
})

describe('calls and sessions', () => {
  it('are counted once: as opened, with how long that took, or by why they were not', async () => {
    const world = await createWorld()
    const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
    const rtc_id = await ring(a, world.room, b.peer_id)
    world.clock.advance(3_000)
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await settle(b)
    // Renegotiated and ended it is still the same one.
    b.send('rtc.offer', a.peer_id, {
      rtc_id,
      room_id: world.room,
      purpose: 'call',
      sdp: sdpOf(),
      cap_token: await grant(b, world.room, ['call']),
    })
    await settle(b)
    a.send('rtc.answer', b.peer_id, { rtc_id, sdp: sdpOf() })
    await settle(a)
    expect(heard(b)).toContain('rtc.answer')
    a.send('rtc.bye', b.peer_id, { rtc_id, reason: 'hangup' })
    const declined = await ring(a, world.room, b.peer_id)
    b.send('rtc.bye', a.peer_id, { rtc_id: declined, reason: 'declined' })
    await settle(b)
    await ring(a, world.room, b.peer_id)
    world.clock.advance(world.mesh.limits.ring_ms)
    expect(resultsOf(world.mesh, 'webrtc')).toEqual({ opened: 1, declined: 1, timeout: 1 })
    const { counts, sum } = world.mesh.stats().counts.setups.webrtc
    expect([counts.reduce((all, n) => all + n, 0), sum]).toEqual([1, 3])
  })

  it('of agents as well', async () => {
    const world = await createP2pWorld()
    const { session_id } = await world.ask()
    world.clock.advance(1_500)
    await world.accept(session_id)
    await world.close(session_id)
    const rejected = await world.ask()
    await world.b.ask('p2p.session.reject', 'server', { session_id: rejected.session_id, reason: 'busy' })
    await world.ask()
    world.clock.advance(world.mesh.limits.p2p_answer_ms)
    expect(resultsOf(world.mesh, 'quic')).toEqual({ opened: 1, rejected: 1, timeout: 1 })
    expect(world.mesh.stats().counts.setups.quic.sum).toBe(1.5)
  })

  it('come with TURN credentials, which are counted where somebody gets any', async () => {
    const turn = {
      stunUrls: [],
      turnUrls: ['turn:turn.test'],
      guests: false,
      ttlS: 60,
      credentials: () => ({ username: 'u', credential: 'c' }),
    }
    const world = await createWorld({ turn })
    await grant(await world.enter(world.ann), world.room, ['call'])
    await world.setCaps({ guest: ['call'] })
    await grant(await world.enter(world.cleo), world.room, ['call'])
    expect(world.mesh.stats().counts.turnCredentials).toBe(1)
  })
})

describe('between two nodes', () => {
  it('a signal that gets nowhere is counted by one of them, wherever it is found out', async () => {
    const w = await createTwoNodes()
    const nodes = [w.mesh, w.other.mesh]
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    const rtc_id = await openCallAcross()
    async function openCallAcross(): Promise<string> {
      const id = newRtcId()
      const cap_token = await grant(a, w.room, ['call'])
      a.send('rtc.offer', b.peer_id, { rtc_id: id, room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token })
      await quiet()
      b.send('rtc.answer', a.peer_id, { rtc_id: id, sdp: sdpOf() })
      await quiet()
      return id
    }
    expect(lost(...nodes)).toEqual([0, 0])
    // Refused by the node on which the call lives, to a peer of the other one.
    b.send('rtc.ice', w.cleo, { rtc_id, candidate: null })
    await quiet()
    expect((await b.next('error')).code).toBe('UNROUTABLE')
    expect(lost(...nodes)).toEqual([1, 0])
    // Not passed on, by either.
    w.line.cut(true)
    expect((await a.ask('rtc.ice', b.peer_id, { rtc_id, candidate: null })).code).toBe('UNROUTABLE')
    expect(lost(...nodes)).toEqual([2, 0])
    expect((await b.ask('rtc.ice', a.peer_id, { rtc_id, candidate: null })).code).toBe('UNROUTABLE')
    expect(lost(...nodes)).toEqual([2, 1])
  })

  it('it is known how long the other takes to answer', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    expect(w.mesh.stats().counts.busAnswers.counts.reduce((sum, n) => sum + n, 0)).toBe(0)
    const cap_token = await grant(a, w.room, ['call'])
    const offer = { rtc_id: newRtcId(), room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token }
    a.send('rtc.offer', b.peer_id, offer)
    await quiet()
    // The word of it gets lost the first time, and is asked for again 250 ms later.
    w.line.cut(true)
    w.clock.advance(250)
    await quiet()
    w.line.cut(false)
    w.clock.advance(250)
    await quiet()
    const { counts, sum } = w.mesh.stats().counts.busAnswers
    expect([counts.reduce((all, n) => all + n, 0), sum]).toEqual([1, 0.25])
  })
})
