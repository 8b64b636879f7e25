import { describe, expect, it } from 'vitest'
import { candidateOf, createWorld, newRtcId, ring, sdpOf, settle, grant } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'

const signals = (client: TestClient) => client.frames.filter(({ type }) => type.startsWith('rtc.'))
const names = (client: TestClient) => signals(client).map(({ type }) => type)
const missed = (client: TestClient) => client.frames.filter(({ type }) => type === 'call.missed')

/** Ann calls bob, who has three peers. */
async function forked() {
  const world = await createWorld()
  const a = await world.enter(world.ann)
  const [x, y, z] = [await world.enter(world.bob), await world.enter(world.bob), await world.enter(world.bob)]
  const rtc_id = await ring(a, world.room, world.bob)
  const answer = (from: TestClient) => from.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
  const bye = (from: TestClient, reason: string) => from.send('rtc.bye', a.peer_id, { rtc_id, reason })
  const ice = (from: TestClient, text: string) =>
    from.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf(text) })
  return { ...world, a, x, y, z, rtc_id, answer, bye, ice }
}

describe('a call to a user', () => {
  it('rings at each of their peers, under the address that the caller wrote', async () => {
    const { x, y, z, bob } = await forked()
    for (const fork of [x, y, z]) expect(signals(fork)).toMatchObject([{ type: 'rtc.offer', to: bob }])
  })

  it('rings at the caller’s other peers, not at its own', async () => {
    const world = await createWorld()
    const [a, other] = [await world.enter(world.ann), await world.enter(world.ann)]
    await ring(a, world.room, world.ann)
    expect([names(a), names(other)]).toEqual([[], ['rtc.offer']])
  })

  it('rings at the peers of one device when that is the address', async () => {
    const world = await createWorld()
    const device_id = `dev_${'d'.repeat(22)}`
    const [a, agent, browser] = [
      await world.enter(world.ann),
      await world.enter(world.bob, { device_id }),
      await world.enter(world.bob),
    ]
    await ring(a, world.room, device_id)
    expect([names(agent), names(browser)]).toEqual([['rtc.offer'], []])
  })

  it('is taken by the first answer; to the others it ends, and does not exist from then on', async () => {
    const { a, x, y, z, rtc_id, answer, ice, room } = await forked()
    answer(y)
    answer(x)
    ice(z, '1')
    await settle(x, y, z)
    expect(signals(a).map(({ type, from }) => [type, from])).toEqual([['rtc.answer', y.peer_id]])
    for (const lost of [x, z]) {
      expect(signals(lost).at(-1)).toMatchObject({
        type: 'rtc.bye',
        from: 'server',
        payload: { rtc_id, reason: 'answered_elsewhere' },
      })
      const cap_token = await grant(lost, room, ['call'])
      for (const [type, payload] of [
        ['rtc.answer', { sdp: sdpOf() }],
        ['rtc.ice', { candidate: null }],
        ['rtc.bye', { reason: 'hangup' }],
        ['rtc.offer', { room_id: room, purpose: 'call', sdp: sdpOf(), cap_token }],
      ] as const) {
        expect(await lost.ask(type, a.peer_id, { rtc_id, ...payload }), type).toMatchObject({ code: 'NOT_FOUND' })
      }
    }
    expect(names(y)).toEqual(['rtc.offer'])
    // From now on it is between two: by the user's id too the caller reaches the one who answered.
    const before = [x, z].map((client) => signals(client).length)
    a.send('rtc.ice', y.peer_id, { rtc_id, candidate: candidateOf('2') })
    a.send('rtc.bye', (await y.next('rtc.offer')).to, { rtc_id, reason: 'hangup' })
    await settle(a)
    expect(names(y)).toEqual(['rtc.offer', 'rtc.ice', 'rtc.bye'])
    expect([x, z].map((client) => signals(client).length)).toEqual(before)
  })

  it('goes on when those that lost go away', async () => {
    const { a, x, y, z, room, rtc_id, answer } = await forked()
    answer(y)
    await a.next('rtc.answer')
    x.vanish()
    await z.ask('room.leave', room, {})
    a.send('rtc.ice', y.peer_id, { rtc_id, candidate: null })
    await settle(a)
    expect([names(a), names(y)]).toEqual([['rtc.answer'], ['rtc.offer', 'rtc.ice']])
  })

  it('gives the caller the candidates of the fork that answered, and of no other', async () => {
    const { a, x, y, z, answer, ice } = await forked()
    ice(x, 'x')
    ice(y, 'y')
    ice(z, 'z')
    await settle(x, y, z)
    expect(names(a)).toEqual([])
    answer(y)
    await settle(y)
    expect(signals(a).map(({ from }) => from)).toEqual([y.peer_id, y.peer_id])
    expect(signals(a)[1]?.payload.candidate).toMatchObject({ candidate: 'candidate:y' })
  })

  it('brings the caller’s candidates to every fork that rings', async () => {
    const { a, x, y, z, rtc_id, bob, bye } = await forked()
    a.send('rtc.ice', bob, { rtc_id, candidate: candidateOf('1') })
    await settle(a)
    bye(z, 'declined')
    await settle(z)
    a.send('rtc.ice', bob, { rtc_id, candidate: candidateOf('2') })
    await settle(a)
    expect([x, y, z].map((fork) => names(fork).length)).toEqual([3, 3, 2])
  })

  it('goes on at the others when one declines, and ends with the last', async () => {
    const { a, x, y, z, rtc_id, bye } = await forked()
    bye(x, 'declined')
    bye(y, 'busy')
    await settle(x, y)
    expect(names(a)).toEqual([])
    expect(await x.ask('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })).toMatchObject({ code: 'NOT_FOUND' })
    bye(z, 'declined')
    await settle(z, a)
    expect(signals(a)).toMatchObject([{ type: 'rtc.bye', from: z.peer_id, payload: { rtc_id, reason: 'declined' } }])
    expect(await a.ask('rtc.ice', z.peer_id, { rtc_id, candidate: null })).toMatchObject({ code: 'NOT_FOUND' })
    // Who declines has not missed anything.
    expect(missed(a)).toEqual([])
  })

  it('goes on at the others when one goes away, and fails with the last', async () => {
    const { a, x, y, z, room, answer } = await forked()
    x.vanish()
    await y.ask('room.leave', room, {})
    expect(names(a)).toEqual([])
    const twin = await forked()
    twin.x.vanish()
    twin.y.vanish()
    twin.z.vanish()
    expect((await twin.a.next('rtc.bye')).payload.reason).toBe('failed')
    answer(z)
    expect((await a.next('rtc.answer')).from).toBe(z.peer_id)
  })

  it('is hung up at every fork while it rings', async () => {
    const { a, x, y, z, rtc_id, bob } = await forked()
    a.send('rtc.bye', bob, { rtc_id, reason: 'hangup' })
    for (const fork of [x, y, z]) expect((await fork.next('rtc.bye')).payload).toEqual({ rtc_id, reason: 'hangup' })
  })
})

describe('a missed call', () => {
  it('is recorded when nobody answers in 30 s, and everybody hears that it is over', async () => {
    const { a, x, y, z, rtc_id, clock, ann, bob, room } = await forked()
    clock.advance(29_999)
    expect([a, x, y, z].flatMap(names)).not.toContain('rtc.bye')
    clock.advance(1)
    for (const party of [a, x, y, z]) {
      expect(await party.next('rtc.bye')).toMatchObject({ from: 'server', payload: { rtc_id, reason: 'timeout' } })
    }
    const event = await a.next('call.missed')
    expect(event).toMatchObject({
      from: 'server',
      to: room,
      payload: { from_user_id: ann, to_user_id: bob, purpose: 'call', count: 1, seq: 4 },
    })
    expect((await x.next('call.missed')).payload).toEqual(event.payload)
    expect(await x.ask('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('is none once somebody answered', async () => {
    const { a, x, clock, answer, rtc_id } = await forked()
    answer(x)
    await a.next('rtc.answer')
    clock.advance(60_000)
    a.send('rtc.bye', x.peer_id, { rtc_id, reason: 'hangup' })
    await settle(a)
    expect(names(a)).toEqual(['rtc.answer'])
    expect(missed(a)).toEqual([])
  })

  it('is recorded when the caller gives up, or goes away', async () => {
    const { a, x, rtc_id, bob } = await forked()
    a.send('rtc.bye', bob, { rtc_id, reason: 'hangup' })
    expect((await x.next('call.missed')).payload).toMatchObject({ to_user_id: bob, count: 1 })
    const twin = await forked()
    twin.a.vanish()
    expect((await twin.x.next('rtc.bye')).payload.reason).toBe('failed')
    expect((await twin.x.next('call.missed')).payload).toMatchObject({ to_user_id: twin.bob })
  })

  it('is recorded for a user who is away, one for each pair and minute, counted', async () => {
    const { enter, ann, bob, dan, room, clock, mesh } = await createWorld()
    const a = await enter(ann)
    const cap_token = await grant(a, room, ['call'], { ttl_s: 180 })
    const call = (to: string, purpose = 'call') =>
      a.ask('rtc.offer', to, { rtc_id: newRtcId(), room_id: room, purpose, sdp: sdpOf(), cap_token })
    for (let i = 0; i < 2; i++) expect(await call(bob)).toMatchObject({ code: 'UNROUTABLE' })
    clock.advance(59_999)
    // The storage was asked on the way, and gets to answer.
    await settle(a)
    await call(bob)
    await settle(a)
    clock.advance(1)
    await call(bob)
    // Nobody outside the room, and nobody unknown, has missed anything there.
    for (const to of [dan, `usr_${'n'.repeat(22)}`, `peer_${'n'.repeat(22)}`]) await call(to)
    await settle(a)
    expect(missed(a).map(({ payload }) => [payload.seq, payload.count])).toEqual([
      [4, 1],
      [4, 2],
      [4, 3],
      [5, 1],
    ])
    const stored = await mesh.rooms.events('administrator', room, { after: 3, limit: 10 })
    expect(stored.map(({ payload }) => payload['count'])).toEqual([3, 1])
  })

  it('is none for a share that nobody took', async () => {
    const { enter, ann, bob, room, clock } = await createWorld()
    const [a, b] = [await enter(ann), await enter(bob)]
    await ring(a, room, b.peer_id, { purpose: 'share:file' })
    clock.advance(30_000)
    await settle(a)
    expect((await a.next('rtc.bye')).payload.reason).toBe('timeout')
    expect(missed(a)).toEqual([])
  })
})
