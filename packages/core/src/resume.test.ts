import { describe, expect, it } from 'vitest'
import { createMemoryStorage } from './memory/storage.ts'
import { createSlowStorage } from './testing/slow-storage.ts'
import { comeBack, createWorld, grant, heard, openCall, resumeOf, ring, settle, unhurried } from './testing/kit.ts'
import type { TestClient } from './testing/index.ts'

const limits = { ...unhurried, resume_window_s: 120 }
const world = (more: object = {}) => createWorld({ limits: { ...limits, ...more } })

const welcomeOf = (client: TestClient) =>
  client.frames[0]?.payload as { resumed: boolean; peer_id: string; resume: { received: number } }
const textsOf = (client: TestClient) => client.frames.flatMap(({ payload }) => (payload.text ? [payload.text] : []))

describe('a session outlives its socket', () => {
  it('and goes on with what was missed, in order, once', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    await a.ask('chat.message.send', w.room, { text: 'one' })
    const lost = resumeOf(b)
    await a.ask('chat.message.send', w.room, { text: 'sent, and lost on the way' })
    b.vanish()
    await a.ask('chat.message.send', w.room, { text: 'two' })
    const again = await comeBack(w, w.bob, lost)
    expect(welcomeOf(again)).toMatchObject({ resumed: true, peer_id: b.peer_id })
    expect(textsOf(again)).toEqual(['sent, and lost on the way', 'two'])
    await a.ask('chat.message.send', w.room, { text: 'three' })
    expect(textsOf(again)).toEqual(['sent, and lost on the way', 'two', 'three'])
    expect((await again.ask('chat.message.send', w.room, { text: 'here' })).from).toBe(b.peer_id)
  })

  it('so that others see it reconnecting, then back, and never gone', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    w.clock.advance(1_000)
    const from = a.frames.length
    b.vanish()
    w.clock.advance(1_000)
    const joined = await w.enter(w.cleo)
    expect(joined.frames.at(-1)?.payload.peers).toContainEqual(
      expect.objectContaining({ peer_id: b.peer_id, status: 'reconnecting' }),
    )
    await comeBack(w, w.bob, resumeOf(b))
    w.clock.advance(1_000)
    const shown = a.frames.slice(from).filter(({ payload }) => payload.peer_id === b.peer_id)
    expect(shown.map(({ payload }) => payload.status)).toEqual(['reconnecting', 'online'])
    expect(heard(a, from)).not.toContain('room.left')
  })

  it('with the rooms whose join was granted while it was checked', async () => {
    const storage = createMemoryStorage()
    const w = await createWorld({ storage, limits })
    const b = await w.enter(w.bob)
    const { room_id: other } = await w.mesh.rooms.create(w.bob, 'Other')
    const { snapshot, member } = storage.rooms
    const [join, check] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    storage.rooms.snapshot = async (room_id) => (await join.promise, snapshot(room_id))
    storage.rooms.member = async (room_id, user_id) => {
      if (room_id === w.room) {
        join.resolve()
        await check.promise
      }
      return member(room_id, user_id)
    }
    b.send('room.join', other, {})
    b.vanish()
    const coming = comeBack(w, w.bob, resumeOf(b))
    await join.promise
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect([...(w.mesh.peers.get(b.peer_id)?.rooms.keys() ?? [])]).toContain(other)
    check.resolve()
    const again = await coming
    await settle(again)
    expect(heard(again)).toEqual(['room.joined'])
  })

  it('but not longer than the window', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    b.vanish()
    w.clock.advance(119_999)
    expect(heard(a)).not.toContain('room.left')
    w.clock.advance(1)
    expect((await a.next('room.left')).payload).toMatchObject({ peer_id: b.peer_id, reason: 'disconnected' })
    const again = await comeBack(w, w.bob, resumeOf(b))
    expect(welcomeOf(again).resumed).toBe(false)
    expect(welcomeOf(again).peer_id).not.toBe(b.peer_id)
  })

  it('unless it says that it leaves for good', async () => {
    for (const [code, reason, isGone] of [
      [1001, '', true],
      [1000, 'leave', true],
      [1000, '', false],
      [1005, '', false],
    ] as const) {
      const w = await world()
      const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
      b.connection.closed(code, reason)
      expect(heard(a).includes('room.left')).toBe(isGone)
    }
  })

  it('with the answer to what was asked before the socket was lost', async () => {
    const storage = createSlowStorage(() => new Promise((resolve) => setTimeout(resolve, 5)))
    const w = await createWorld({ storage, limits })
    const b = await w.enter(w.bob)
    const id = b.send('chat.message.send', w.room, { text: 'on the way' })
    b.vanish()
    const again = await comeBack(w, w.bob, resumeOf(b))
    expect((await again.next((frame) => frame.reply_to === id)).payload.text).toBe('on the way')
  })

  it('and its calls with it: signals wait, new ones are UNROUTABLE', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const rtc_id = await openCall(a, b, w.room)
    const received = b.frames.length - 1
    b.vanish()
    a.send('rtc.ice', b.peer_id, { rtc_id, candidate: null })
    await settle(a)
    const cap_token = await grant(a, w.room, ['call'])
    const offer = { rtc_id: `rtc_${'n'.repeat(22)}`, room_id: w.room, purpose: 'call', sdp: 'v=0', cap_token }
    expect((await a.ask('rtc.offer', b.peer_id, offer)).code).toBe('BAD_MESSAGE')
    for (const to of [b.peer_id, w.bob]) {
      await ring(a, w.room, to)
      expect((await a.next((frame) => frame.code === 'UNROUTABLE')).type).toBe('error')
    }
    const again = await comeBack(w, w.bob, resumeOf(b, received))
    expect((await again.next('rtc.ice')).payload.rtc_id).toBe(rtc_id)
    again.send('rtc.bye', a.peer_id, { rtc_id, reason: 'hangup' })
    expect((await a.next('rtc.bye')).payload.rtc_id).toBe(rtc_id)
  })
})

describe('coming back', () => {
  it('takes a token that is good once, and a new one comes with the welcome', async () => {
    const w = await world()
    const b = await w.enter(w.bob)
    const first = resumeOf(b)
    b.vanish()
    const second = await comeBack(w, w.bob, first)
    expect(welcomeOf(second).resumed).toBe(true)
    second.vanish()
    expect(welcomeOf(await comeBack(w, w.bob, first)).resumed).toBe(false)
    const next = resumeOf(second).token
    const third = await comeBack(w, w.bob, { ...first, token: next })
    expect(welcomeOf(third).resumed).toBe(true)
  })

  it('takes the hello that spent a token again, since its welcome can be lost', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const [lost, hello] = [resumeOf(b), { id: crypto.randomUUID() }]
    b.vanish()
    await a.ask('chat.message.send', w.room, { text: 'one' })
    const half = await comeBack(w, w.bob, lost, undefined, hello)
    await a.ask('chat.message.send', w.room, { text: 'two' })
    half.vanish()
    const again = await comeBack(w, w.bob, lost, undefined, hello)
    expect(welcomeOf(again)).toMatchObject({ resumed: true, peer_id: b.peer_id })
    expect(textsOf(again)).toEqual(['one', 'two'])
    again.vanish()
    // The token of the latest welcome is good all the same, and what has come with another hello since is not.
    const next = await comeBack(w, w.bob, resumeOf(again, resumeOf(b).received + 2))
    expect(welcomeOf(next).resumed).toBe(true)
    expect(welcomeOf(await comeBack(w, w.bob, lost, undefined, hello)).resumed).toBe(false)
  })

  it('shows how many frames came in, so that the client sends those after them again', async () => {
    const w = await world({ frames: { burst: 3, per_s: 0.001 } })
    const b = await w.connect(w.bob)
    expect(welcomeOf(b).resume.received).toBe(0)
    await b.ask('system.ping', 'server', {})
    // What is refused has come in as well: nobody is to send it again.
    b.raw('no event')
    b.send('system.ping', 'server', {})
    b.send('system.ping', 'server', {})
    b.vanish()
    b.send('system.ping', 'server', {})
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b))).resume.received).toBe(4)
  })

  it.each([
    ['with another token', { token: 'x'.repeat(43) }],
    ['to a session that there is none of', { session_id: `sess_${'x'.repeat(22)}` }],
  ])('%s begins anew, and leaves the session to its owner', async (_, wrong) => {
    const w = await world()
    const b = await w.enter(w.bob)
    b.vanish()
    const stranger = await comeBack(w, w.bob, { ...resumeOf(b), ...wrong })
    expect(welcomeOf(stranger).resumed).toBe(false)
    expect(stranger.closed).toBeUndefined()
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b))).resumed).toBe(true)
  })

  it('as another user or device begins anew', async () => {
    const w = await world()
    const b = await w.enter(w.bob)
    b.vanish()
    expect(welcomeOf(await comeBack(w, w.ann, resumeOf(b))).resumed).toBe(false)
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b), `dev_${'d'.repeat(22)}`)).resumed).toBe(false)
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b))).resumed).toBe(true)
  })

  it('having counted more than was sent, or too little of what is kept, begins anew and ends the former session', async () => {
    for (const [received, kept_frames] of [
      [99, 1_024],
      [0, 2],
    ] as const) {
      const w = await world({ kept_frames })
      const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
      for (let i = 0; i < 3; i++) await a.ask('chat.message.send', w.room, { text: 'x' })
      b.vanish()
      expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b, received))).resumed).toBe(false)
      expect((await a.next('room.left')).payload.peer_id).toBe(b.peer_id)
    }
  })

  it('while the former socket is still open closes that one with 4006', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    w.clock.advance(1_000)
    const from = a.frames.length
    const again = await comeBack(w, w.bob, resumeOf(b))
    expect(b.closed).toEqual({ code: 4006, reason: 'superseded' })
    expect(welcomeOf(again).resumed).toBe(true)
    b.raw('the former socket has nothing more to say')
    await a.ask('chat.message.send', w.room, { text: 'hello' })
    expect(textsOf(again)).toEqual(['hello'])
    expect(heard(a, from)).toEqual(['chat.message.created'])
  })

  it('again while the first try is still looked at is for the later one', async () => {
    const waiting: (() => void)[] = []
    let isSlow = false
    const storage = createSlowStorage(() =>
      isSlow ? new Promise<void>((resolve) => waiting.push(resolve)) : Promise.resolve(),
    )
    const w = await createWorld({ storage, limits })
    const b = await w.enter(w.bob)
    b.vanish()
    const token = await w.token(w.bob)
    isSlow = true
    const tries = [w.open(), w.open()]
    for (const client of tries) {
      client.send('system.hello', 'server', { token, resume: resumeOf(b) })
      const before = waiting.length
      while (waiting.length === before) await new Promise((resolve) => setImmediate(resolve))
    }
    isSlow = false
    for (const goOn of waiting.splice(0)) goOn()
    for (const client of tries) await client.next('system.welcome')
    expect(tries.map((client) => welcomeOf(client).resumed)).toEqual([false, true])
  })

  it('twice at the same time with one token works once', async () => {
    const w = await world()
    const b = await w.enter(w.bob)
    b.vanish()
    const resume = resumeOf(b)
    const both = await Promise.all([comeBack(w, w.bob, resume), comeBack(w, w.bob, resume)])
    expect(both.filter((client) => welcomeOf(client).resumed)).toHaveLength(1)
  })

  it('after access was revoked is not possible, however it was lost', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    b.vanish()
    w.mesh.disconnect({ user_id: w.bob })
    expect((await a.next('room.left')).payload.peer_id).toBe(b.peer_id)
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b))).resumed).toBe(false)
  })

  it('after a removal brings nothing of the room but its end', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    await a.ask('chat.message.send', w.room, { text: 'before' })
    b.vanish()
    await a.ask('chat.message.send', w.room, { text: 'while away' })
    await w.remove(w.bob)
    const again = await comeBack(w, w.bob, resumeOf(b))
    expect(welcomeOf(again).resumed).toBe(true)
    expect(heard(again)).toEqual(['room.left'])
    expect((await again.ask('chat.message.send', w.room, { text: 'no' })).code).toBe('ACCESS_DENIED')
  })

  it('after a removal that this node did not hear of brings nothing either', async () => {
    const w = await world()
    const b = await w.enter(w.bob)
    b.vanish()
    const event = { id: crypto.randomUUID(), type: 'room.member.removed', from: 'server', at: 0, payload: {} }
    await w.storage.rooms.removeMember({ room_id: w.room, user_id: w.bob }, event)
    const again = await comeBack(w, w.bob, resumeOf(b))
    expect(heard(again)).toEqual(['room.left'])
  })

  it('brings what one had missed of a room before leaving it, also when the membership has ended since', async () => {
    const w = await world()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const lost = resumeOf(b)
    await a.ask('chat.message.send', w.room, { text: 'lost on the way' })
    await b.ask('room.leave', w.room, {})
    b.vanish()
    await w.remove(w.bob)
    await a.ask('chat.message.send', w.room, { text: 'not for bob' })
    expect(textsOf(await comeBack(w, w.bob, lost))).toEqual(['lost on the way'])
  })

  it('after too much has happened begins anew', async () => {
    const w = await world({ queue_bytes: 2_000 })
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    b.vanish()
    for (let i = 0; i < 10; i++) await a.ask('chat.message.send', w.room, { text: 'x'.repeat(200) })
    expect((await a.next('room.left')).payload.peer_id).toBe(b.peer_id)
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b))).resumed).toBe(false)
  })

  it('pays for its hello out of what is left', async () => {
    const w = await world({ bytes: { burst: 10_000, per_s: 1 } })
    const b = await w.connect(w.bob)
    const hello = b.socket.received
    b.raw(' '.repeat(10_000 - 2 * hello - 400))
    b.vanish()
    const again = await comeBack(w, w.bob, resumeOf(b))
    again.raw(' '.repeat(500))
    expect(again.closed?.code).toBe(4005)
  })

  it('does not hand out the raw allowance of a connection anew', async () => {
    const w = await world({ bytes: { burst: 10_000, per_s: 1 } })
    const b = await w.connect(w.bob)
    b.raw(' '.repeat(6_000))
    b.vanish()
    const again = await comeBack(w, w.bob, resumeOf(b))
    again.raw(' '.repeat(6_000))
    expect(again.closed?.code).toBe(4005)
  })
})

describe('an acknowledgement', () => {
  it('of more frames than were sent is refused', async () => {
    const w = await world()
    const b = await w.connect(w.bob)
    expect(await b.ask('system.ack', 'server', { received: 1 })).toMatchObject({
      code: 'BAD_MESSAGE',
      payload: { path: 'received' },
    })
  })

  it('lets go of what it names', async () => {
    const w = await world()
    const b = await w.enter(w.bob)
    b.send('system.ack', 'server', { received: 1 })
    await settle(b)
    b.vanish()
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b, 0))).resumed).toBe(false)
  })
})

describe('a client that does not read', () => {
  it('is closed with 4002 when more waits than may; nobody waits for it, and it can come back', async () => {
    const w = await world({ socket_buffer_bytes: 1_000, queue_bytes: 2_000 })
    const [a, slow, c] = [await w.enter(w.ann), await w.enter(w.bob), await w.enter(w.cleo)]
    slow.socket.bufferedAmount = 1_000
    for (let i = 0; !slow.closed; i++) await a.ask('chat.message.send', w.room, { text: String(i) })
    expect(slow.closed).toEqual({ code: 4002, reason: 'slow_consumer' })
    expect(textsOf(slow)).toEqual([])
    expect(textsOf(c)).toEqual(textsOf(a))
    const again = await comeBack(w, w.bob, resumeOf(slow))
    expect(welcomeOf(again).resumed).toBe(true)
    expect(textsOf(again)).toEqual(textsOf(a))
  })

  it('is closed with 4002 when it takes nothing for 10 s', async () => {
    const w = await world()
    const [a, slow] = [await w.enter(w.ann), await w.enter(w.bob)]
    slow.socket.bufferedAmount = 65_536
    await a.ask('chat.message.send', w.room, { text: 'x' })
    w.clock.advance(9_000)
    expect(slow.closed).toBeUndefined()
    w.clock.advance(2_000)
    expect(slow.closed?.code).toBe(4002)
  })

  it('gets what waits once it reads again', async () => {
    const w = await world()
    const [a, slow] = [await w.enter(w.ann), await w.enter(w.bob)]
    slow.socket.bufferedAmount = 65_536
    await a.ask('chat.message.send', w.room, { text: 'x' })
    slow.socket.bufferedAmount = 0
    slow.connection.drained()
    expect(textsOf(slow)).toEqual(['x'])
  })

  it('costs the sender of a signal that is given up an UNROUTABLE', async () => {
    const w = await world({ queue_bytes: 4_000 })
    const [a, slow] = [await w.enter(w.ann), await w.enter(w.bob)]
    const rtc_id = await openCall(a, slow, w.room)
    slow.vanish()
    const id = a.send('rtc.ice', slow.peer_id, { rtc_id, candidate: null })
    await settle(a)
    w.clock.advance(31_000)
    for (let i = 0; i < 5; i++) await a.ask('chat.message.send', w.room, { text: 'x'.repeat(200) })
    expect(a.frames.find((frame) => frame.reply_to === id)).toMatchObject({ code: 'UNROUTABLE' })
  })

  it('gives up what could be sent again when all clients together hold too much', async () => {
    const w = await world({ queues_bytes: 5_000 })
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    for (let i = 0; i < 20; i++) await a.ask('chat.message.send', w.room, { text: 'x'.repeat(200) })
    w.clock.advance(1_000)
    b.vanish()
    expect(welcomeOf(await comeBack(w, w.bob, resumeOf(b, 0))).resumed).toBe(false)
  })
})

describe('a user', () => {
  it('may come anew any number of times while lost sessions wait, but these do not pile up', async () => {
    const w = await world({ connections_per_user: 3 })
    for (let i = 0; i < 10; i++) {
      const client = await w.connect(w.bob)
      client.vanish()
    }
    expect(w.mesh.peers.size).toBeLessThanOrEqual(4)
    await Promise.all([w.connect(w.bob), w.connect(w.bob), w.connect(w.bob)])
    const fourth = w.open()
    fourth.send('system.hello', 'server', { token: await w.token(w.bob) })
    await expect(fourth.next('system.welcome')).rejects.toThrow('4103')
  })
})
