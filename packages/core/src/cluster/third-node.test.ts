import { describe, expect, it } from 'vitest'
import { grant, heard, join, newRtcId, sdpOf } from '../testing/kit.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'
import { createHomes } from './homes.ts'
import { everybody, topicOf, write } from './messages.ts'

type Nodes = Awaited<ReturnType<typeof createTwoNodes>>

/** One more node, of which nothing is known but what it tells: that it has a peer of somebody, who is in the room. */
async function tellOf(
  w: Nodes,
  user_id: string,
  bus = w.line.connect(),
  hear: (message: string) => void = () => {},
): Promise<string> {
  bus.subscribe(topicOf('third'), hear)
  const peer_id = `peer_${'t'.repeat(22)}`
  const peer = { peer_id, user_id, username: 'somebody', identity: user_id, reconnecting: false }
  const place = { room_id: w.room, role: 'member', member_seq: 1, status: 'online', last_seen: 0 }
  const all = { kind: 'all', part: 0, isLast: true, peers: [{ peer, places: [place] }], node: 'third', n: 0 }
  bus.publish(everybody, JSON.stringify(all))
  await quiet()
  return peer_id
}

describe('a peer of another node', () => {
  it('is shown, and taken out again where the storage knows of no membership', async () => {
    const w = await createTwoNodes()
    const a = await w.enter(w.ann)
    await w.remove(w.cleo)
    const from = a.frames.length
    const peer_id = await tellOf(w, w.cleo)
    expect(heard(a, from)).toEqual(['presence.update', 'room.left'])
    expect(a.frames.at(-1)?.payload).toMatchObject({ peer_id, reason: 'removed' })
  })

  it('is not among those whom somebody meets who comes in, where it is no member', async () => {
    const w = await createTwoNodes()
    await w.remove(w.cleo)
    await tellOf(w, w.cleo)
    const a = await w.connect(w.ann)
    expect((await join(a, w.room)).payload.peers).toHaveLength(1)
  })

  it('is told when its signal comes too late: whom it is for has left the room', async () => {
    const w = await createTwoNodes()
    const a = await w.enter(w.ann)
    const bus = w.line.connect()
    const told: string[] = []
    const peer_id = await tellOf(w, w.bob, bus, (message) => told.push(message))
    await a.ask('room.leave', w.room, {})
    const message = {
      kind: 'frame',
      node: 'third',
      to: a.peer_id,
      as: 'signal',
      room_id: w.room,
      from: peer_id,
    } as const
    bus.publish(topicOf(w.mesh.node), write({ ...message, id: 'the-late-one', n: 1, life: 1 }, '{}'))
    await quiet()
    const answer = told.map((text) => text.slice(text.indexOf('\n') + 1)).find((text) => text.includes('the-late-one'))
    expect(JSON.parse(answer ?? '{}')).toMatchObject({ code: 'UNROUTABLE', to: peer_id, reply_to: 'the-late-one' })
  })

  it('is UNROUTABLE at once when its node has said nothing for 12 s, though the bus is up and somebody listens', async () => {
    const w = await createTwoNodes()
    const a = await w.enter(w.ann)
    const peer_id = await tellOf(w, w.bob)
    const offer = async () => ({
      rtc_id: newRtcId(),
      room_id: w.room,
      purpose: 'call',
      sdp: sdpOf(),
      cap_token: await grant(a, w.room, ['call']),
    })
    const id = a.send('rtc.offer', peer_id, await offer())
    await quiet()
    expect(a.frames.filter(({ reply_to }) => reply_to === id)).toEqual([])
    w.clock.advance(12_000)
    await quiet()
    expect((await a.ask('rtc.offer', peer_id, await offer())).code).toBe('UNROUTABLE')
  })
})

it('frames about a call that lives elsewhere are handled in their order, though the first has to wait', async () => {
  const w = await createTwoNodes()
  const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
  const rtc_id = newRtcId()
  const offer = async (of: typeof a) => ({
    rtc_id,
    room_id: w.room,
    purpose: 'call',
    sdp: sdpOf(),
    cap_token: await grant(of, w.room, ['call']),
  })
  a.send('rtc.offer', b.peer_id, await offer(a))
  await b.next('rtc.offer')
  b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
  await a.next('rtc.answer')
  // The first node has not seen this token yet, and has to verify it.
  const again = await offer(b)
  const from = a.frames.length
  b.send('rtc.offer', a.peer_id, again)
  b.send('rtc.ice', a.peer_id, { rtc_id, candidate: null })
  b.send('rtc.bye', a.peer_id, { rtc_id, reason: 'hangup' })
  await a.next('rtc.bye')
  expect(heard(a, from)).toEqual(['rtc.offer', 'rtc.ice', 'rtc.bye'])
})

it('a session is over where its home says so, and nobody else', () => {
  const homes = createHomes()
  const of = { peer_id: 'peer_a', session_id: 'rtc_1' }
  homes.set({ ...of, node: 'one', isOpen: true })
  homes.set({ ...of, node: 'two', isOpen: false })
  expect(homes.of(of.peer_id, of.session_id)).toBe('one')
  homes.set({ ...of, node: 'one', isOpen: false })
  expect(homes.of(of.peer_id, of.session_id)).toBeUndefined()
})
