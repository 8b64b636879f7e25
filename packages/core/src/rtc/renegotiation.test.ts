import { describe, expect, it } from 'vitest'
import { createWorld, grant, openCall, ring, sdpOf, settle } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'

const names = (client: TestClient, from = 0) =>
  client.frames.slice(from).flatMap(({ type }) => (type.startsWith('rtc.') ? [type] : []))

async function opened() {
  const world = await createWorld()
  const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
  const rtc_id = await openCall(a, b, world.room)
  const offer = (cap_token: string, extra: object = {}) => ({
    rtc_id,
    room_id: world.room,
    purpose: 'call',
    sdp: sdpOf(['audio', 'video']),
    cap_token,
    ...extra,
  })
  const tokens = {
    a: await grant(a, world.room, ['call', 'screen']),
    b: await grant(b, world.room, ['call', 'screen']),
  }
  const answer = (from: TestClient, to: TestClient) =>
    from.send('rtc.answer', to.peer_id, { rtc_id, sdp: sdpOf(['audio', 'video']) })
  return { ...world, a, b, rtc_id, offer, tokens, answer }
}

describe('a renewed offer', () => {
  it('goes either way, and is answered', async () => {
    const { a, b, offer, tokens, answer, rtc_id, room } = await opened()
    for (const [from, to, token] of [
      [a, b, tokens.a],
      [b, a, tokens.b],
      [b, a, tokens.b],
    ] as const) {
      const id = from.send('rtc.offer', to.peer_id, offer(token))
      expect(await to.next((frame) => frame.id === id)).toMatchObject({
        from: from.peer_id,
        payload: { rtc_id, room_id: room, purpose: 'call', sdp: sdpOf(['audio', 'video']) },
      })
      answer(to, from)
      await settle(to)
      expect(names(from).at(-1)).toBe('rtc.answer')
    }
  })

  it('needs a live token', async () => {
    const { a, b, offer, tokens, clock } = await opened()
    const before = names(b).length
    const { cap_token: _, ...without } = offer('')
    expect(await a.ask('rtc.offer', b.peer_id, without)).toMatchObject({ code: 'CAP_REQUIRED' })
    expect(await a.ask('rtc.offer', b.peer_id, offer(tokens.b))).toMatchObject({ code: 'CAP_INVALID' })
    clock.advance(125_000)
    expect(await a.ask('rtc.offer', b.peer_id, offer(tokens.a))).toMatchObject({ code: 'CAP_EXPIRED' })
    expect(names(b)).toHaveLength(before)
  })

  it('keeps purpose and room', async () => {
    const { a, b, offer, tokens, mesh, ann, bob } = await opened()
    const { room_id } = await mesh.rooms.create(ann, 'Other')
    await mesh.rooms.setMember('administrator', room_id, bob, 'member')
    for (const client of [a, b]) await client.ask('room.join', room_id, {})
    const before = names(b).length
    const fixed = { code: 'CONFLICT', payload: { reason: 'purpose_is_fixed' } }
    expect(await a.ask('rtc.offer', b.peer_id, offer(tokens.a, { purpose: 'screen' }))).toMatchObject(fixed)
    const elsewhere = await grant(a, room_id, ['call'])
    expect(await a.ask('rtc.offer', b.peer_id, offer(elsewhere, { room_id }))).toMatchObject(fixed)
    expect(
      await a.ask('rtc.offer', b.peer_id, offer(tokens.a, { sdp: sdpOf(['audio', 'application']) })),
    ).toMatchObject({ code: 'BAD_MESSAGE' })
    expect(names(b)).toHaveLength(before)
  })

  it('of the caller while it rings reaches the forks; of one that rings it is CONFLICT', async () => {
    const { enter, cleo, room, offer, tokens, a } = await opened()
    const c = await enter(cleo)
    const rtc_id = await ring(a, room, c.peer_id)
    a.send('rtc.offer', c.peer_id, offer(tokens.a, { rtc_id }))
    await settle(a)
    expect(names(c)).toEqual(['rtc.offer', 'rtc.offer'])
    const before = names(a).length
    const own = await grant(c, room, ['call'])
    expect(await c.ask('rtc.offer', a.peer_id, offer(own, { rtc_id }))).toMatchObject({
      code: 'CONFLICT',
      payload: { reason: 'not_answered' },
    })
    expect(names(a)).toHaveLength(before)
  })
})

describe('an answer', () => {
  it('needs an offer of the other end', async () => {
    const { a, b, rtc_id, enter, cleo, room } = await opened()
    const none = { code: 'CONFLICT', payload: { reason: 'no_offer' } }
    const before = names(a).length
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(await from.ask('rtc.answer', to.peer_id, { rtc_id, sdp: sdpOf() })).toMatchObject(none)
    }
    const c = await enter(cleo)
    const ringing = await ring(a, room, c.peer_id)
    expect(await a.ask('rtc.answer', c.peer_id, { rtc_id: ringing, sdp: sdpOf() })).toMatchObject(none)
    expect(names(a)).toHaveLength(before)
    expect(names(c)).toEqual(['rtc.offer'])
  })

  it('settles glare: both offers cross, the polite end answers, the other does not', async () => {
    const { a, b, offer, tokens, answer, rtc_id } = await opened()
    for (const [polite, impolite, own, other] of [
      [a, b, tokens.a, tokens.b],
      [b, a, tokens.b, tokens.a],
    ] as const) {
      polite.send('rtc.offer', impolite.peer_id, offer(own))
      impolite.send('rtc.offer', polite.peer_id, offer(other))
      await settle(a, b)
      answer(polite, impolite)
      await settle(polite)
      expect(names(impolite).at(-1)).toBe('rtc.answer')
      // The polite end took its own offer back: there is nothing left to answer.
      expect(await impolite.ask('rtc.answer', polite.peer_id, { rtc_id, sdp: sdpOf() })).toMatchObject({
        code: 'CONFLICT',
      })
      // And it may offer again.
      polite.send('rtc.offer', impolite.peer_id, offer(own))
      await settle(polite)
      answer(impolite, polite)
      await settle(impolite)
      expect(names(polite).at(-1)).toBe('rtc.answer')
    }
  })
})
