import { describe, expect, it } from 'vitest'
import { createMemoryBusLine } from './memory/bus.ts'
import { createMemoryStorage } from './memory/storage.ts'
import type { RoomEvent, Storage } from './ports/index.ts'
import { createWorld, grant, join, newRtcId, openCall, sdpOf, settle } from './testing/kit.ts'
import { createTestMesh, type TestClient } from './testing/index.ts'

const told = (client: TestClient) =>
  client.frames
    .filter(({ payload }) => 'seq' in payload && !('peers' in payload))
    .map(({ type, payload }) => `${payload.seq} ${type}`)

/** A world with a line on which another node could speak. `seq` of the room is 3. */
async function withLine() {
  const line = createMemoryBusLine()
  const storage = createMemoryStorage()
  const world = await createWorld({ storage, bus: line.connect() })
  const other = line.connect()
  const tell = async (...events: (RoomEvent | undefined)[]) => {
    for (const event of events) other.publish('events', JSON.stringify(event))
    await settle()
  }
  /** Stores an event as another node would, without a word on the line. */
  const store = async (text: string) => {
    const event = { id: crypto.randomUUID(), type: 'chat.message.created', from: 'peer_x', at: 0, payload: { text } }
    const stored = await storage.events.append(world.room, event, { user_id: world.ann })
    if (!('event' in stored)) throw new Error(stored.outcome)
    return stored.event
  }
  const missed = async () =>
    storage.events.missedCall(
      { room_id: world.room, from_user_id: world.ann, to_user_id: world.cleo, purpose: 'call' },
      { id: crypto.randomUUID(), type: 'call.missed', from: 'server', at: 0 },
    )
  return { ...world, storage, tell, store, missed }
}

describe('the events of a room', () => {
  it('that come out of order are told in order', async () => {
    const { enter, ann, store, tell } = await withLine()
    const a = await enter(ann)
    const [four, five, six] = [await store('4'), await store('5'), await store('6')]
    await tell(six, five)
    expect(told(a)).toEqual([])
    await tell(four)
    expect(told(a)).toEqual([4, 5, 6].map((seq) => `${seq} chat.message.created`))
  })

  it('that come twice are told once, but for the count of a missed call', async () => {
    const { enter, ann, store, tell, missed } = await withLine()
    const a = await enter(ann)
    const four = await store('4')
    await tell(four, four)
    await tell(await missed(), await missed())
    expect(told(a)).toEqual(['4 chat.message.created', '5 call.missed', '5 call.missed'])
    expect(a.frames.at(-1)?.payload.count).toBe(2)
  })

  it('that are missing for 200 ms are read from the storage, each told once', async () => {
    const { enter, ann, store, tell, clock, missed } = await withLine()
    const a = await enter(ann)
    await store('4')
    const five = await missed()
    await store('6')
    const seven = await store('7')
    await tell(seven, five)
    clock.advance(199)
    await settle()
    expect(told(a)).toEqual([])
    clock.advance(1)
    await settle(a)
    expect(told(a)).toEqual([
      '4 chat.message.created',
      '5 call.missed',
      '6 chat.message.created',
      '7 chat.message.created',
    ])
  })

  it('that a snapshot has shown are not told again after the count of a missed call has come late', async () => {
    const { enter, ann, bob, store, clock, missed } = await withLine()
    await enter(ann)
    await missed()
    await store('5')
    const b = await enter(bob)
    clock.advance(200)
    await settle(b)
    expect(told(b)).toEqual(['4 call.missed'])
  })

  it('are asked for again while the storage fails, and when there are more of them than one answer holds', async () => {
    const { enter, ann, store, tell, clock, storage } = await withLine()
    const a = await enter(ann)
    for (let i = 0; i < 1_100; i++) await store('x')
    const { list } = storage.events
    let calls = 0
    storage.events.list = async (...of) => {
      if (++calls < 3) throw new Error('down')
      return list(...of)
    }
    await tell(await store('last'))
    for (let i = 0; i < 5; i++) {
      clock.advance(200)
      await settle(a)
    }
    expect(calls).toBe(4)
    expect(told(a)).toHaveLength(1_101)
    clock.advance(10_000)
    await settle(a)
    expect(calls).toBe(4)
  })

  it('answer whoever asked, even if they wait for one before them and nobody is left in the room', async () => {
    const { enter, ann, store, room } = await withLine()
    const a = await enter(ann)
    await store('unheard of')
    const id = a.send('chat.message.send', room, { text: 'mine' })
    await settle(a)
    expect(a.frames.some(({ reply_to }) => reply_to === id)).toBe(false)
    a.send('room.leave', room, {})
    expect((await a.next((frame) => frame.reply_to === id)).payload).toMatchObject({ seq: 5, text: 'mine' })
  })

  it('answer whoever asked, even if everybody leaves while somebody else comes in', async () => {
    const storage = createMemoryStorage()
    let read = Promise.resolve()
    const snapshot: Storage['rooms']['snapshot'] = async (room_id) => read.then(() => storage.rooms.snapshot(room_id))
    const { enter, connect, ann, bob, room } = await createWorld({
      storage: { ...storage, rooms: { ...storage.rooms, snapshot } },
    })
    const [a, b] = [await enter(ann), await connect(bob)]
    const unheard = { id: crypto.randomUUID(), type: 'chat.message.created', from: 'peer_x', at: 0, payload: {} }
    await storage.events.append(room, unheard, { user_id: ann })
    const id = a.send('chat.message.send', room, { text: 'waits for the one before it' })
    const { promise, resolve } = Promise.withResolvers<void>()
    read = promise
    b.send('room.join', room, {})
    a.send('room.leave', room, {})
    expect((await a.next((frame) => frame.reply_to === id)).payload).toMatchObject({ seq: 5 })
    resolve()
    expect((await b.next('room.joined')).payload).toMatchObject({ seq: 5 })
  })

  it('take effect before their turn where they take something away', async () => {
    const { enter, ann, bob, cleo, store, tell, storage, room } = await withLine()
    const [a, b] = [await enter(ann), await enter(bob)]
    await openCall(b, a, room)
    const four = await store('unheard of')
    const event = (type: string, payload: object) => ({
      id: crypto.randomUUID(),
      type,
      from: 'server',
      at: 0,
      payload: { ...payload },
    })
    const removed = await storage.rooms.removeMember(
      { room_id: room, user_id: bob },
      event('room.member.removed', { user_id: bob }),
    )
    if (!('event' in removed)) throw new Error(removed.outcome)
    await tell(removed.event)
    expect((await b.next('room.left')).payload.reason).toBe('removed')
    expect((await a.next('rtc.bye')).payload.reason).toBe('revoked')
    // The snapshot from before is not good enough for somebody who comes in now.
    const added = event('room.member.added', { user_id: bob, username: 'bob', role: 'guest' })
    const back = await storage.rooms.setMember(
      { room_id: room, user_id: bob, role: 'guest', at: 0 },
      { added, updated: added },
    )
    await join(b, room)
    await tell(four)
    if (!('event' in back)) throw new Error(back.outcome)
    await tell(back.event)
    expect(told(a)).toEqual(['4 chat.message.created', '5 room.member.removed', '6 room.member.added'])
    // The old removal does not concern the new membership.
    expect(b.frames.filter(({ type }) => type === 'room.left')).toHaveLength(1)
    expect(cleo).toBeDefined()
  })
})

describe('what is known and not yet told', () => {
  /** Changes the room as another node would, without a word on the line. */
  async function changing() {
    const w = await withLine()
    const event = (type: string, payload: object) => ({
      id: crypto.randomUUID(),
      type,
      from: 'server',
      at: 0,
      payload: { ...payload },
    })
    const setPolicy = (policy: object) => w.storage.rooms.update(w.room, { policy }, event('room.updated', { policy }))
    const remove = async (user_id: string) => {
      const which = { room_id: w.room, user_id }
      const removed = await w.storage.rooms.removeMember(which, event('room.member.removed', { user_id }))
      if (!('event' in removed)) throw new Error(removed.outcome)
      return removed.event
    }
    return { ...w, setPolicy, remove }
  }

  it('of a policy is not undone by an older one', async () => {
    const { enter, ann, bob, room, setPolicy, tell } = await changing()
    const [a, b] = [await enter(ann), await enter(bob)]
    await openCall(b, a, room)
    const [four, five] = [await setPolicy({ caps: { member: [] } }), await setPolicy({ caps: { member: ['call'] } })]
    await tell(five)
    await tell(four)
    expect(told(a)).toEqual(['4 room.updated', '5 room.updated'])
    expect(a.frames.some(({ type }) => type === 'rtc.bye')).toBe(false)
    await grant(b, room, ['call'])
  })

  it('keeps out whoever was read in before', async () => {
    const { enter, connect, ann, bob, room, storage, store, remove, tell } = await changing()
    await enter(ann)
    const b = await connect(bob)
    const { snapshot } = storage.rooms
    let go = () => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    storage.rooms.snapshot = async (room_id) => {
      const read = await snapshot(room_id)
      await gate
      return read
    }
    const id = b.send('room.join', room, {})
    await settle()
    await store('unheard of')
    await tell(await remove(bob))
    go()
    expect(await b.next((frame) => frame.reply_to === id)).toMatchObject({ code: 'ACCESS_DENIED' })
  })
})

describe('two nodes on one line and one storage', () => {
  async function cluster() {
    const line = createMemoryBusLine()
    const one = await createWorld({ bus: line.connect() })
    const two = await createTestMesh({
      storage: one.storage,
      bus: line.connect(),
      capabilityKeys: one.capabilityKeys,
      clock: one.clock,
    })
    const enter = async (user_id: string) => {
      const client = await two.connect(user_id)
      await join(client, one.room)
      return client
    }
    return { one, two, a: await one.enter(one.ann), b: await enter(one.bob) }
  }

  it('hear each other’s chat, in one order', async () => {
    const { one, a, b } = await cluster()
    for (let i = 0; i < 5; i++) {
      a.send('chat.message.send', one.room, { text: 'from one' })
      b.send('chat.message.send', one.room, { text: 'from two' })
    }
    await settle(a, b)
    one.clock.advance(250)
    await settle(a, b)
    const texts = (client: TestClient) =>
      client.frames.flatMap(({ type, payload }) => (type === 'chat.message.created' ? [payload.seq] : []))
    expect(texts(a)).toEqual(Array.from({ length: 10 }, (_, i) => i + 4))
    expect(texts(b)).toEqual(texts(a))
    expect(a.frames.filter(({ reply_to, type }) => type === 'chat.message.created' && reply_to)).toHaveLength(5)
  })

  it('hear of a removal and of what it revokes', async () => {
    const { one, two, a, b } = await cluster()
    const c = await two.connect(one.cleo)
    await join(c, one.room)
    const cap_token = await grant(b, one.room, ['call'])
    const offer = { rtc_id: newRtcId(), room_id: one.room, purpose: 'call', sdp: sdpOf(), cap_token }
    b.send('rtc.offer', c.peer_id, offer)
    await c.next('rtc.offer')
    await one.remove(one.bob)
    expect((await b.next('room.left')).payload).toMatchObject({ reason: 'removed' })
    expect((await c.next('rtc.bye')).payload).toMatchObject({ reason: 'revoked' })
    expect(await b.ask('rtc.offer', c.peer_id, { ...offer, rtc_id: newRtcId() })).toMatchObject({
      code: 'ACCESS_DENIED',
    })
    expect((await a.next('room.member.removed')).payload.user_id).toBe(one.bob)
    expect((await c.next('room.member.removed')).payload.user_id).toBe(one.bob)
  })

  it('hear whose access has ended', async () => {
    const { one, b } = await cluster()
    expect(one.mesh.disconnect({ user_id: one.bob })).toBe(0)
    await settle()
    expect(b.closed).toEqual({ code: 4101, reason: 'revoked' })
  })

  it('hear of a deletion', async () => {
    const { one, a, b } = await cluster()
    await one.mesh.rooms.delete('administrator', one.room)
    for (const client of [a, b]) expect((await client.next('room.left')).payload.reason).toBe('deleted')
  })
})
