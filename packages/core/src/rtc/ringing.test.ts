import { describe, expect, it } from 'vitest'
import { candidateOf, createWorld, grant, heard, openCall, ring, sdpOf, settle } from '../testing/kit.ts'

/** A called user with three peers, and a caller. */
async function callToUser() {
  const world = await createWorld()
  const caller = await world.enter(world.ann)
  const phones = [await world.enter(world.bob), await world.enter(world.bob), await world.enter(world.bob)] as const
  await settle(caller, ...phones)
  const rtc_id = await ring(caller, world.room, world.bob)
  return { ...world, caller, phones, rtc_id }
}

describe('a call to a user', () => {
  it('rings every peer; the first answer wins and the others are told', async () => {
    const { caller, phones, rtc_id } = await callToUser()
    for (const phone of phones) expect((await phone.next('rtc.offer')).payload).toMatchObject({ rtc_id })
    phones[1].send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdpOf() })
    expect(await caller.next('rtc.answer')).toMatchObject({ from: phones[1].peer_id })
    for (const phone of [phones[0], phones[2]]) {
      expect((await phone.next('rtc.bye')).payload).toEqual({ rtc_id, reason: 'answered_elsewhere' })
      expect(await phone.ask('rtc.answer', caller.peer_id, { rtc_id, sdp: sdpOf() })).toMatchObject({
        code: 'NOT_FOUND',
      })
      expect(await phone.ask('rtc.ice', caller.peer_id, { rtc_id, candidate: null })).toMatchObject({
        code: 'NOT_FOUND',
      })
    }
    await settle(caller)
    expect(heard(caller).filter((type) => type.startsWith('rtc.'))).toEqual(['rtc.answer'])
  })

  it('goes on ringing when one declines; the last decline reaches the caller', async () => {
    const { caller, phones, rtc_id, storage, room } = await callToUser()
    const decline = (phone: (typeof phones)[number]) =>
      phone.send('rtc.bye', caller.peer_id, { rtc_id, reason: 'declined' })
    decline(phones[0])
    decline(phones[1])
    await settle(caller, ...phones)
    expect(heard(caller).filter((type) => type.startsWith('rtc.'))).toEqual([])
    decline(phones[2])
    expect(await caller.next('rtc.bye')).toMatchObject({ from: phones[2].peer_id, payload: { reason: 'declined' } })
    expect(await caller.ask('rtc.bye', phones[2].peer_id, { rtc_id, reason: 'hangup' })).toMatchObject({
      code: 'NOT_FOUND',
    })
    await settle(caller)
    // Somebody decided not to take it: that is not a missed call.
    expect((await storage.events.list(room, { after: 0, limit: 50, type: 'call.missed' })).length).toBe(0)
  })

  it("keeps a peer's candidates back until that peer has answered", async () => {
    const { caller, phones, rtc_id } = await callToUser()
    phones[0].send('rtc.ice', caller.peer_id, { rtc_id, candidate: candidateOf('loser') })
    phones[1].send('rtc.ice', caller.peer_id, { rtc_id, candidate: candidateOf('one') })
    phones[1].send('rtc.ice', caller.peer_id, { rtc_id, candidate: candidateOf('two') })
    caller.send('rtc.ice', caller.peer_id, { rtc_id, candidate: candidateOf('astray') })
    await settle(caller, ...phones)
    expect(heard(caller).filter((type) => type.startsWith('rtc.'))).toEqual([])
    phones[1].send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdpOf() })
    await settle(...phones, caller)
    const signals = caller.frames.filter(({ type }) => type.startsWith('rtc.'))
    expect(signals.map(({ type }) => type)).toEqual(['rtc.answer', 'rtc.ice', 'rtc.ice'])
    expect(signals.slice(1).map(({ payload }) => payload.candidate)).toEqual([candidateOf('one'), candidateOf('two')])
  })

  it("passes the caller's candidates to all that ring", async () => {
    const { caller, phones, rtc_id, bob } = await callToUser()
    caller.send('rtc.ice', bob, { rtc_id, candidate: candidateOf('mine') })
    for (const phone of phones) expect((await phone.next('rtc.ice')).payload.candidate).toEqual(candidateOf('mine'))
  })

  it('ends after 30 s without an answer, as a missed call', async () => {
    const { caller, phones, rtc_id, clock, ann, bob } = await callToUser()
    clock.advance(29_999)
    await settle(caller)
    expect(heard(caller).filter((type) => type === 'rtc.bye')).toEqual([])
    clock.advance(1)
    for (const client of [caller, ...phones]) {
      expect(await client.next('rtc.bye')).toMatchObject({ from: 'server', payload: { rtc_id, reason: 'timeout' } })
    }
    expect((await phones[0].next('call.missed')).payload).toMatchObject({
      from_user_id: ann,
      to_user_id: bob,
      purpose: 'call',
      count: 1,
    })
  })
})

describe('a missed call', () => {
  it('is recorded for a user who is away, once a minute with a count, and for nobody outside the room', async () => {
    const { enter, ann, bob, dan, room, clock, storage } = await createWorld()
    const caller = await enter(ann)
    const cap_token = await grant(caller, room, ['call'])
    const offer = (rtc_id: string) => ({ rtc_id, room_id: room, purpose: 'call', sdp: sdpOf(), cap_token })
    for (const id of ['a', 'b']) {
      expect(await caller.ask('rtc.offer', bob, offer(`rtc_${id.repeat(22)}`))).toMatchObject({ code: 'UNROUTABLE' })
      await settle(caller)
    }
    expect(await caller.ask('rtc.offer', dan, offer(`rtc_${'c'.repeat(22)}`))).toMatchObject({ code: 'UNROUTABLE' })
    await settle(caller)
    clock.advance(61_000)
    const missed = async () =>
      (await storage.events.list(room, { after: 0, limit: 50, type: 'call.missed' })).map(({ payload }) => payload)
    expect(await missed()).toEqual([{ from_user_id: ann, to_user_id: bob, purpose: 'call', count: 2 }])
    expect(await caller.ask('rtc.offer', bob, offer(`rtc_${'d'.repeat(22)}`))).toMatchObject({ code: 'UNROUTABLE' })
    await settle(caller)
    expect((await missed()).map(({ count }) => count)).toEqual([2, 1])
  })

  it('is what a caller leaves who hangs up first', async () => {
    const { caller, phones, rtc_id, bob } = await callToUser()
    caller.send('rtc.bye', bob, { rtc_id, reason: 'hangup' })
    for (const phone of phones) expect((await phone.next('rtc.bye')).payload).toEqual({ rtc_id, reason: 'hangup' })
    expect((await phones[0].next('call.missed')).payload).toMatchObject({ to_user_id: bob, count: 1 })
  })
})

describe('an open call', () => {
  async function open() {
    const world = await createWorld()
    const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
    return { ...world, a, b, rtc_id: await openCall(a, b, world.room) }
  }

  it('is renegotiated by either end, with a token, and in glare one answer settles both offers', async () => {
    const { a, b, room, rtc_id } = await open()
    const offer = async (client: typeof a) => ({
      rtc_id,
      room_id: room,
      purpose: 'call',
      sdp: sdpOf(['audio', 'video']),
      cap_token: await grant(client, room, ['call']),
    })
    const [fromA, fromB] = [await offer(a), await offer(b)]
    const { cap_token: _, ...naked } = fromB
    expect(await b.ask('rtc.offer', a.peer_id, naked)).toMatchObject({ code: 'CAP_REQUIRED' })
    a.send('rtc.offer', b.peer_id, fromA)
    b.send('rtc.offer', a.peer_id, fromB)
    expect((await a.next('rtc.offer')).from).toBe(b.peer_id)
    a.send('rtc.answer', b.peer_id, { rtc_id, sdp: sdpOf(['audio', 'video']) })
    expect((await b.next('rtc.answer')).from).toBe(a.peer_id)
    expect(await b.ask('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })).toMatchObject({ code: 'CONFLICT' })
  })

  it('keeps its purpose', async () => {
    const { a, b, room, rtc_id } = await open()
    const cap_token = await grant(a, room, ['call', 'screen'])
    const offer = { rtc_id, room_id: room, purpose: 'screen', sdp: sdpOf(['video']), cap_token }
    expect(await a.ask('rtc.offer', b.peer_id, offer)).toMatchObject({ code: 'CONFLICT' })
  })

  it('takes 64 candidates a side and generation', async () => {
    const { a, b, room, rtc_id } = await open()
    for (let i = 0; i < 64; i++) a.send('rtc.ice', b.peer_id, { rtc_id, candidate: candidateOf(String(i)) })
    expect(await a.ask('rtc.ice', b.peer_id, { rtc_id, candidate: candidateOf('64') })).toMatchObject({
      code: 'RATE_LIMITED',
    })
    a.send('rtc.ice', b.peer_id, { rtc_id, candidate: null })
    const cap_token = await grant(a, room, ['call'])
    a.send('rtc.offer', b.peer_id, { rtc_id, room_id: room, purpose: 'call', sdp: sdpOf(), cap_token })
    a.send('rtc.ice', b.peer_id, { rtc_id, candidate: candidateOf('next') })
    await settle(a, b)
    expect(b.frames.filter(({ type }) => type === 'rtc.ice')).toHaveLength(66)
  })

  it.each([
    ['leaves', 'hangup', (world: Awaited<ReturnType<typeof open>>) => void world.b.send('room.leave', world.room, {})],
    ['vanishes', 'failed', (world: Awaited<ReturnType<typeof open>>) => world.b.vanish()],
    ['is removed', 'revoked', (world: Awaited<ReturnType<typeof open>>) => world.remove(world.bob)],
    ['is demoted', 'revoked', (world: Awaited<ReturnType<typeof open>>) => world.setRole(world.bob, 'guest')],
  ])('ends when the other one %s', async (_how, reason, happen) => {
    const world = await open()
    await happen(world)
    expect(await world.a.next('rtc.bye')).toMatchObject({ from: 'server', payload: { rtc_id: world.rtc_id, reason } })
    expect(await world.a.ask('rtc.ice', world.b.peer_id, { rtc_id: world.rtc_id, candidate: null })).toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('ends when the policy takes its purpose from the caller', async () => {
    const { a, b, rtc_id, setCaps } = await open()
    await setCaps({ owner: ['screen'] })
    for (const client of [a, b]) expect((await client.next('rtc.bye')).payload).toEqual({ rtc_id, reason: 'revoked' })
  })
})
