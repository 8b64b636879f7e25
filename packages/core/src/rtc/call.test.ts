import { describe, expect, it } from 'vitest'
import { candidateOf, createWorld, grant, newRtcId, openCall, ring, sdpOf, settle } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'

const signals = (client: TestClient) => client.frames.filter(({ type }) => type.startsWith('rtc.'))
const names = (client: TestClient) => signals(client).map(({ type }) => type)

async function trio() {
  const world = await createWorld()
  return {
    ...world,
    a: await world.enter(world.ann),
    b: await world.enter(world.bob),
    c: await world.enter(world.cleo),
  }
}

describe('a call', () => {
  it('passes on each signal as its sender wrote it, without the token, to the other end alone', async () => {
    const { a, b, c, room } = await trio()
    const rtc_id = newRtcId()
    const cap_token = await grant(a, room, ['call'])
    const timestamp = '2020-02-03T04:05:06.789+01:00'
    const offer = { rtc_id, room_id: room, purpose: 'call', sdp: sdpOf(['audio', 'video']) }
    const id = a.send('rtc.offer', b.peer_id, { ...offer, cap_token }, { timestamp, from: a.peer_id })
    expect(await b.next('rtc.offer')).toEqual({
      type: 'rtc.offer',
      id,
      timestamp,
      from: a.peer_id,
      to: b.peer_id,
      payload: offer,
    })
    const answer = { rtc_id, sdp: sdpOf(['audio', 'video']) }
    const answerId = b.send('rtc.answer', a.peer_id, answer, { timestamp })
    expect(await a.next('rtc.answer')).toEqual({
      type: 'rtc.answer',
      id: answerId,
      timestamp,
      from: b.peer_id,
      to: a.peer_id,
      payload: answer,
    })
    for (const candidate of [
      candidateOf('1'),
      { candidate: '', sdpMid: null, sdpMLineIndex: null, usernameFragment: null },
      null,
    ]) {
      a.send('rtc.ice', b.peer_id, { rtc_id, candidate })
      expect((await b.next('rtc.ice')).payload).toEqual({ rtc_id, candidate })
      b.send('rtc.ice', a.peer_id, { rtc_id, candidate })
      expect((await a.next('rtc.ice')).payload).toEqual({ rtc_id, candidate })
    }
    b.send('rtc.bye', a.peer_id, { rtc_id, reason: 'hangup' })
    expect(await a.next('rtc.bye')).toMatchObject({ from: b.peer_id, payload: { rtc_id, reason: 'hangup' } })
    await settle(a, b)
    // Nothing is answered but by an error, nothing comes back, and nobody else hears of it.
    expect([names(a), names(b), names(c)]).toEqual([
      ['rtc.answer', 'rtc.ice', 'rtc.ice', 'rtc.ice', 'rtc.bye'],
      ['rtc.offer', 'rtc.ice', 'rtc.ice', 'rtc.ice'],
      [],
    ])
    expect(a.frames.concat(b.frames).some(({ type }) => type === 'error')).toBe(false)
  })

  it('gives the caller nothing of the callee’s before its answer', async () => {
    const { a, b, room } = await trio()
    const rtc_id = await ring(a, room, b.peer_id)
    for (const text of ['1', '2']) b.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf(text) })
    b.send('rtc.ice', a.peer_id, { rtc_id, candidate: null })
    a.send('rtc.ice', b.peer_id, { rtc_id, candidate: candidateOf('3') })
    await settle(a, b)
    expect(names(a)).toEqual([])
    expect(names(b)).toEqual(['rtc.offer', 'rtc.ice'])
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    b.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf('4') })
    await settle(b)
    const got = signals(a).map(({ type, payload }) => [
      type,
      (payload.candidate as { candidate: string } | null | undefined)?.candidate,
    ])
    expect(got).toEqual([
      ['rtc.answer', undefined],
      ['rtc.ice', 'candidate:1'],
      ['rtc.ice', 'candidate:2'],
      ['rtc.ice', undefined],
      ['rtc.ice', 'candidate:4'],
    ])
  })

  it('does not exist for a third party', async () => {
    const { a, b, c, room } = await trio()
    const rtc_id = await openCall(a, b, room)
    const cap_token = await grant(c, room, ['call'])
    const [before, beforeB] = [signals(a).length, signals(b).length]
    for (const to of [a.peer_id, b.peer_id]) {
      for (const [type, payload] of [
        ['rtc.answer', { sdp: sdpOf() }],
        ['rtc.ice', { candidate: candidateOf('1') }],
        ['rtc.bye', { reason: 'hangup' }],
        ['rtc.offer', { room_id: room, purpose: 'call', sdp: sdpOf(), cap_token }],
      ] as const) {
        expect(await c.ask(type, to, { rtc_id, ...payload }), type).toMatchObject({ code: 'NOT_FOUND' })
      }
    }
    expect(await a.ask('rtc.bye', b.peer_id, { rtc_id: newRtcId(), reason: 'hangup' })).toMatchObject({
      code: 'NOT_FOUND',
    })
    expect([signals(a).length, signals(b).length]).toEqual([before, beforeB])
  })

  it('is addressed to its other end', async () => {
    const { a, b, c, ann, room } = await trio()
    const rtc_id = await openCall(a, b, room)
    const before = [a, b, c].map((client) => signals(client).length)
    for (const to of [c.peer_id, b.peer_id, ann]) {
      expect(await b.ask('rtc.ice', to, { rtc_id, candidate: null })).toMatchObject({ code: 'UNROUTABLE' })
    }
    expect(await a.ask('rtc.ice', a.peer_id, { rtc_id, candidate: null })).toMatchObject({ code: 'UNROUTABLE' })
    expect([a, b, c].map((client) => signals(client).length)).toEqual(before)
  })

  it('is over after bye, for both', async () => {
    const { a, b, room } = await trio()
    const rtc_id = await openCall(a, b, room)
    a.send('rtc.bye', b.peer_id, { rtc_id, reason: 'completed' })
    await b.next('rtc.bye')
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const payload of [{ candidate: null }]) {
        expect(await from.ask('rtc.ice', to.peer_id, { rtc_id, ...payload })).toMatchObject({ code: 'NOT_FOUND' })
      }
      expect(await from.ask('rtc.answer', to.peer_id, { rtc_id, sdp: sdpOf() })).toMatchObject({ code: 'NOT_FOUND' })
      expect(await from.ask('rtc.bye', to.peer_id, { rtc_id, reason: 'hangup' })).toMatchObject({ code: 'NOT_FOUND' })
    }
  })
})

describe('an offer', () => {
  it('needs somebody who can be reached: one answer for all who cannot', async () => {
    const { a, connect, bob, dan, room, ann } = await trio()
    const cap_token = await grant(a, room, ['call'])
    const [elsewhere, stranger] = [await connect(bob), await connect(dan)]
    for (const to of [
      elsewhere.peer_id,
      stranger.peer_id,
      dan,
      `peer_${'n'.repeat(22)}`,
      `usr_${'n'.repeat(22)}`,
      `dev_${'n'.repeat(22)}`,
      a.peer_id,
      ann,
    ]) {
      const answer = await a.ask('rtc.offer', to, {
        rtc_id: newRtcId(),
        room_id: room,
        purpose: 'call',
        sdp: sdpOf(),
        cap_token,
      })
      expect(answer, to).toMatchObject({
        code: 'UNROUTABLE',
        message: 'The target is not connected',
        payload: { retryable: true },
      })
    }
    expect(names(elsewhere).concat(names(stranger))).toEqual([])
  })

  it('is made in a room that one has joined', async () => {
    const { a, b, connect, bob, dan, room } = await trio()
    const cap_token = await grant(a, room, ['call'])
    const offer = (room_id: string) => ({ rtc_id: newRtcId(), room_id, purpose: 'call', sdp: sdpOf(), cap_token })
    for (const who of [bob, dan]) {
      expect(await (await connect(who)).ask('rtc.offer', a.peer_id, offer(room))).toMatchObject({
        code: 'ACCESS_DENIED',
      })
    }
    expect(await a.ask('rtc.offer', b.peer_id, offer(`room_${'n'.repeat(22)}`))).toMatchObject({
      code: 'ROOM_NOT_FOUND',
    })
  })

  it('is judged in the order of the contract: shape, room, capability, target, state', async () => {
    const { a, b, room } = await trio()
    const gone = `peer_${'n'.repeat(22)}`
    const offer = { rtc_id: newRtcId(), room_id: room, purpose: 'call', sdp: sdpOf(), cap_token: 'forged' }
    const code = async (to: string, payload: object) => (await a.ask('rtc.offer', to, payload)).code
    expect(await code(gone, { ...offer, sdp: 'v=1', room_id: `room_${'n'.repeat(22)}` })).toBe('BAD_MESSAGE')
    expect(await code(gone, { ...offer, room_id: `room_${'n'.repeat(22)}` })).toBe('ROOM_NOT_FOUND')
    expect(await code(gone, offer)).toBe('CAP_INVALID')
    const cap_token = await grant(a, room, ['call'])
    expect(await code(gone, { ...offer, cap_token })).toBe('UNROUTABLE')
    const rtc_id = await openCall(a, b, room)
    expect(await code(b.peer_id, { ...offer, rtc_id, cap_token: 'forged' })).toBe('CAP_INVALID')
    a.send('rtc.offer', b.peer_id, { ...offer, rtc_id, cap_token })
    await settle(a)
    expect(names(b)).toEqual(['rtc.offer', 'rtc.offer'])
  })

  it.each([
    ['data for a call', sdpOf(['audio', 'application']), 'sdp_media'],
    ['no fingerprint', sdpOf(['audio'], []), 'sdp_fingerprint'],
    ['a key', sdpOf(['audio'], ['a=crypto:1 x']), 'sdp_crypto'],
  ])('or answer with %s is BAD_MESSAGE', async (_name, sdp, reason) => {
    const { a, b, room } = await trio()
    const cap_token = await grant(a, room, ['call'])
    const wrong = { code: 'BAD_MESSAGE', payload: { reason, path: 'sdp' } }
    const offer = { rtc_id: newRtcId(), room_id: room, purpose: 'call', sdp, cap_token }
    expect(await a.ask('rtc.offer', b.peer_id, offer)).toMatchObject(wrong)
    expect(names(b)).toEqual([])
    const rtc_id = await ring(a, room, b.peer_id)
    expect(await b.ask('rtc.answer', a.peer_id, { rtc_id, sdp })).toMatchObject(wrong)
    expect(names(a)).toEqual([])
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    expect((await a.next('rtc.answer')).payload.rtc_id).toBe(rtc_id)
  })

  it('is one of at most so many that somebody has open; those of others do not count', async () => {
    const world = await createWorld({ limits: { rtc_sessions: 2, offences: { burst: 100, per_s: 1 } } })
    const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
    const first = await ring(b, world.room, a.peer_id)
    await ring(b, world.room, a.peer_id)
    await ring(a, world.room, b.peer_id)
    await ring(a, world.room, b.peer_id)
    expect(names(b)).toEqual(['rtc.offer', 'rtc.offer'])
    const cap_token = await grant(b, world.room, ['call'])
    const offer = () => ({ rtc_id: newRtcId(), room_id: world.room, purpose: 'call', sdp: sdpOf(), cap_token })
    expect(await b.ask('rtc.offer', a.peer_id, offer())).toMatchObject({ code: 'RATE_LIMITED' })
    b.send('rtc.bye', a.peer_id, { rtc_id: first, reason: 'hangup' })
    b.send('rtc.offer', a.peer_id, offer())
    await settle(b)
    expect(names(a).filter((type) => type === 'rtc.offer')).toHaveLength(3)
  })
})

describe('candidates', () => {
  it('are at most 64 a side and generation', async () => {
    const { a, b, room } = await trio()
    const rtc_id = await openCall(a, b, room)
    const trickle = async (from: TestClient, to: TestClient, count: number) => {
      for (let i = 0; i < count; i++) from.send('rtc.ice', to.peer_id, { rtc_id, candidate: candidateOf(String(i)) })
      await settle(from)
    }
    await trickle(a, b, 64)
    await trickle(b, a, 64)
    expect([names(a), names(b)].map((of) => of.filter((type) => type === 'rtc.ice').length)).toEqual([64, 64])
    expect(await a.ask('rtc.ice', b.peer_id, { rtc_id, candidate: candidateOf('x') })).toMatchObject({
      code: 'RATE_LIMITED',
      payload: { retryable: false },
    })
    // The end of them may still be said.
    a.send('rtc.ice', b.peer_id, { rtc_id, candidate: null })
    const cap_token = await grant(a, room, ['call'])
    a.send('rtc.offer', b.peer_id, { rtc_id, room_id: room, purpose: 'call', sdp: sdpOf(), cap_token })
    await trickle(a, b, 64)
    await trickle(b, a, 64)
    expect([names(a), names(b)].map((of) => of.filter((type) => type === 'rtc.ice').length)).toEqual([128, 129])
  })

  it('of a callee that does not answer are at most 64 as well', async () => {
    const { a, b, room } = await trio()
    const rtc_id = await ring(a, room, b.peer_id)
    for (let i = 0; i < 64; i++) b.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf(String(i)) })
    expect(await b.ask('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf('x') })).toMatchObject({
      code: 'RATE_LIMITED',
    })
    for (let i = 0; i < 300; i++) b.send('rtc.ice', a.peer_id, { rtc_id, candidate: null })
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await settle(b)
    expect(names(a)).toEqual(['rtc.answer', ...Array(65).fill('rtc.ice')])
  })

  it('of the latest generation are what a callee that answers late has to say', async () => {
    const { a, b, room } = await trio()
    const rtc_id = await ring(a, room, b.peer_id)
    const ice = (text: string) => b.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf(text) })
    for (let i = 0; i < 64; i++) ice(`old ${i}`)
    const cap_token = await grant(a, room, ['call'])
    a.send('rtc.offer', b.peer_id, { rtc_id, room_id: room, purpose: 'call', sdp: sdpOf(), cap_token })
    await settle(a)
    for (let i = 0; i < 64; i++) ice(`new ${i}`)
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await settle(b)
    const told = a.frames.flatMap(({ type, payload }) => (type === 'rtc.ice' ? [payload.candidate] : []))
    expect(told.slice(-64)).toEqual(Array.from({ length: 64 }, (_, i) => candidateOf(`new ${i}`)))
    expect(told).toHaveLength(65)
  })

  it.each([
    ['a field of its own', { candidate: '', extra: 1 }],
    ['an index below 0', { candidate: '', sdpMLineIndex: -1 }],
    ['an index of 256', { candidate: '', sdpMLineIndex: 256 }],
    ['a mid too long', { candidate: '', sdpMid: 'x'.repeat(65) }],
    ['no text', { sdpMid: '0' }],
    ['a list', []],
  ])('with %s are BAD_MESSAGE', async (_name, candidate) => {
    const { a, b, room } = await trio()
    const rtc_id = await openCall(a, b, room)
    expect(await a.ask('rtc.ice', b.peer_id, { rtc_id, candidate })).toMatchObject({ code: 'BAD_MESSAGE' })
    expect(names(b)).toEqual(['rtc.offer'])
  })
})
