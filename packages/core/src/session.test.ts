import { describe, expect, it } from 'vitest'
import { MeshError } from './errors.ts'
import { createMemoryStorage } from './memory/storage.ts'
import { createWorld, frameText, heard, settle, unhurried } from './testing/kit.ts'

describe('frames', () => {
  it('are handled strictly one after the other, however slow the first one is', async () => {
    const storage = createMemoryStorage()
    const { snapshot } = storage.rooms
    let go = () => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    storage.rooms.snapshot = async (room_id) => (await gate, snapshot(room_id))
    const { connect, ann, room } = await createWorld({ storage })
    const a = await connect(ann)
    const ids = [
      a.send('room.join', room, {}),
      a.send('system.ping', 'server', {}),
      a.send('chat.message.send', room, { text: 'one' }),
      a.send('no.such', 'server', {}),
      a.send('chat.message.send', room, { text: 'two' }),
      a.send('room.leave', room, {}),
      a.send('chat.message.send', room, { text: 'three' }),
    ]
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(a.frames).toHaveLength(1)
    go()
    await a.next((frame) => frame.reply_to === ids.at(-1))
    expect(a.frames.slice(1).map(({ reply_to }) => reply_to)).toEqual(ids)
    expect(a.frames.slice(1).map(({ type, code }) => code ?? type)).toEqual([
      'room.joined',
      'system.pong',
      'chat.message.created',
      'BAD_MESSAGE',
      'chat.message.created',
      'room.left',
      'ACCESS_DENIED',
    ])
  })

  it('do not pile up without end behind a slow one', async () => {
    const storage = createMemoryStorage()
    const gate = Promise.withResolvers<void>()
    const { snapshot } = storage.rooms
    storage.rooms.snapshot = async (room_id) => (await gate.promise, snapshot(room_id))
    const { connect, clock, ann, room } = await createWorld({
      storage,
      limits: { ...unhurried, bytes: { burst: 10_000, per_s: 1e9 } },
    })
    const a = await connect(ann)
    a.send('room.join', room, {})
    const ping = () => {
      clock.advance(1)
      a.raw(frameText().padEnd(1_000))
    }
    for (let i = 0; i < 10; i++) ping()
    expect(a.frames).toHaveLength(1)
    ping()
    expect(a.frames.at(-1)).toMatchObject({ code: 'RATE_LIMITED' })
    gate.resolve()
    for (let i = 0; i < 10; i++) await a.next('system.pong')
    expect(heard(a)).toEqual(['error', 'room.joined'])
    for (let i = 0; i < 20; i++) ping()
    expect(heard(a)).toHaveLength(2)
  })

  it.each(['vanish', 'close'] as const)('behind a slow one do nothing after %s', async (how) => {
    const storage = createMemoryStorage()
    const { append } = storage.events
    let go = () => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    storage.events.append = async (...of) => (await gate, append(...of))
    const { enter, mesh, ann, bob, room } = await createWorld({ storage })
    const [a, b] = [await enter(ann), await enter(bob)]
    const before = a.frames.length
    a.send('chat.message.send', room, { text: 'under way' })
    a.send('chat.message.send', room, { text: 'waiting' })
    a.send('presence.update', room, { status: 'busy' })
    // Not even read: whoever keeps a slow request going and closes could make the storage work for nobody.
    let reads = 0
    const { find } = storage.rooms
    storage.rooms.find = (room_id) => (reads++, find(room_id))
    if (how === 'vanish') a.vanish()
    else mesh.disconnect({ peer_id: a.peer_id })
    a.send('chat.message.send', room, { text: 'after the close' })
    a.connection.binary()
    a.socket.received += 6
    go()
    // What was under way is stored and told; what waited is not.
    expect((await b.next('chat.message.created')).payload.text).toBe('under way')
    await settle(b)
    expect(heard(b).filter((type) => type === 'chat.message.created')).toHaveLength(1)
    expect(b.frames.some((frame) => frame.payload.status === 'busy')).toBe(false)
    expect(a.frames).toHaveLength(before)
    expect(a.closed?.code).toBe(how === 'vanish' ? 1006 : 4101)
    expect(reads).toBe(0)
  })

  it('are refused by name of what is wrong, and never by its value', async () => {
    const { connect, ann, room } = await createWorld()
    const a = await connect(ann)
    a.raw('{')
    expect(await a.next('error')).toMatchObject({
      code: 'BAD_MESSAGE',
      from: 'server',
      to: a.peer_id,
      payload: { reason: 'json' },
    })
    const secret = 'do-not-repeat-this'
    const cases: [object, object][] = [
      [{ type: secret }, { reason: 'unknown_type' }],
      [{ payload: { [secret]: 1 } }, { reason: 'payload' }],
      [{ [secret]: 1 }, { reason: 'unknown_field' }],
      [
        { type: 'presence.update', to: room, payload: { status: secret } },
        { reason: 'payload', path: 'status' },
      ],
      [{ from: `peer_${secret}`.padEnd(28, 'x') }, { reason: 'envelope', path: 'from' }],
      [{ to: room }, { reason: 'envelope', path: 'to' }],
      [{ type: 'room.join' }, { reason: 'envelope', path: 'to' }],
      [
        { type: 'rtc.bye', to: 'server' },
        { reason: 'envelope', path: 'to' },
      ],
      [
        { type: 'rtc.bye', to: room },
        { reason: 'envelope', path: 'to' },
      ],
    ]
    for (const [wrong, payload] of cases) {
      const before = a.frames.length
      a.raw(frameText(wrong))
      const answer = a.frames[before]
      expect(answer).toMatchObject({ code: 'BAD_MESSAGE', payload })
      if (!('path' in payload)) expect(JSON.stringify(answer?.payload.reason)).not.toContain(secret)
      expect(answer?.message).toBe('The message is not valid')
    }
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length'])(
    'are refused with a payload field %s',
    async (name) => {
      const { connect, ann } = await createWorld()
      const a = await connect(ann)
      a.raw(frameText().replace('"payload":{}', `"payload":{"${name}":{}}`))
      expect(await a.next('error')).toMatchObject({ code: 'BAD_MESSAGE', payload: { reason: 'payload' } })
    },
  )

  it.each(['1e400', '-1', '1.5', '9007199254740992', '"1"', 'null'])(
    'are refused with a count of %s',
    async (number) => {
      const { connect, ann } = await createWorld()
      const a = await connect(ann)
      a.raw(frameText({ type: 'system.ack' }).replace('"payload":{}', `"payload":{"received":${number}}`))
      expect(await a.next('error')).toMatchObject({ code: 'BAD_MESSAGE', payload: { path: 'received' } })
    },
  )

  it('may name the peer they come from, and no other', async () => {
    const { connect, ann, bob } = await createWorld()
    const [a, b] = [await connect(ann), await connect(bob)]
    expect((await a.ask('system.ping', 'server', {}, { from: a.peer_id })).type).toBe('system.pong')
    for (const from of [b.peer_id, 'server', ann, '']) {
      expect(await a.ask('system.ping', 'server', {}, { from })).toMatchObject({ code: 'BAD_MESSAGE' })
    }
  })

  it('of a second hello are an unknown type', async () => {
    const { connect, ann, token } = await createWorld()
    const a = await connect(ann)
    expect(await a.ask('system.hello', 'server', { token: await token(ann) })).toMatchObject({
      code: 'BAD_MESSAGE',
      payload: { reason: 'unknown_type' },
    })
    expect(a.closed).toBeUndefined()
  })

  it('of what only the server sends are an unknown type', async () => {
    const { enter, ann, room } = await createWorld()
    const a = await enter(ann)
    for (const type of ['chat.message.created', 'room.left', 'system.welcome', 'error', 'room.member.updated']) {
      expect(await a.ask(type, room, {})).toMatchObject({ payload: { reason: 'unknown_type' } })
    }
  })
})

describe('a fault of ours', () => {
  it('is answered with a correlation id and nothing else, and found under it in the log', async () => {
    const storage = createMemoryStorage()
    storage.events.append = async (_room, event) => {
      throw new TypeError(`cannot store ${JSON.stringify(event.payload)}`)
    }
    const lines: { fields: object; message: string }[] = []
    const note = (fields: object, message: string) => void lines.push({ fields, message })
    const logger = { debug: note, info: note, warn: note, error: note }
    const { enter, ann, room } = await createWorld({ storage, logger })
    const a = await enter(ann)
    const answer = await a.ask('chat.message.send', room, { text: 'a secret' })
    expect(answer).toMatchObject({ type: 'error', code: 'INTERNAL', message: 'Internal error' })
    expect(Object.keys(answer.payload).sort()).toEqual(['correlation_id', 'retryable'])
    expect(lines).toHaveLength(1)
    expect(lines[0]?.fields).toMatchObject({ correlation_id: answer.payload.correlation_id, error: 'TypeError' })
    expect(JSON.stringify([answer, lines])).not.toContain('a secret')
    expect((await a.ask('system.ping', 'server', {})).type).toBe('system.pong')
  })

  it('in a store that is down is UNAVAILABLE, and another attempt may help', async () => {
    const storage = createMemoryStorage()
    const { enter, ann, room } = await createWorld({ storage })
    const a = await enter(ann)
    const { append } = storage.events
    storage.events.append = async () => {
      throw new MeshError('UNAVAILABLE')
    }
    expect(await a.ask('chat.message.send', room, { text: 'x' })).toMatchObject({
      code: 'UNAVAILABLE',
      payload: { retryable: true },
    })
    storage.events.append = append
    expect((await a.ask('chat.message.send', room, { text: 'x' })).type).toBe('chat.message.created')
  })
})

describe('the socket', () => {
  it('pays for what makes no message, pings for one, out of the same allowance', async () => {
    const { connect, ann, clock } = await createWorld({ limits: {} })
    const a = await connect(ann)
    a.socket.received += 200_000
    clock.advance(1_000)
    expect(a.closed).toBeUndefined()
    a.socket.received += 200_000
    clock.advance(1_000)
    expect(a.closed).toEqual({ code: 4005, reason: 'rate_limited' })
  })

  it('that is silent is asked after 25 s, and closed with 4004 when 8 s pass without a sign', async () => {
    const { connect, ann, clock } = await createWorld({ limits: {} })
    const a = await connect(ann)
    clock.advance(24_999)
    expect(heard(a)).toEqual([])
    clock.advance(1_001)
    expect((await a.next('system.ping')).from).toBe('server')
    clock.advance(6_000)
    a.send('system.pong', 'server', {})
    clock.advance(25_000)
    expect(a.frames.filter(({ type }) => type === 'system.ping')).toHaveLength(2)
    expect(a.closed).toBeUndefined()
    clock.advance(8_000)
    expect(a.closed).toEqual({ code: 4004, reason: 'no_pong' })
  })

  it('is alive by a sign below the protocol too', async () => {
    const { connect, ann, clock } = await createWorld({ limits: {} })
    const a = await connect(ann)
    for (let i = 0; i < 5; i++) {
      clock.advance(20_000)
      a.socket.received += 6
    }
    expect(a.frames.map(({ type }) => type)).toEqual(['system.welcome'])
  })
})

describe('a planned stop', () => {
  it('tells everybody to come back at another time, then closes with 1012', async () => {
    const { connect, open, ann, bob, mesh, clock } = await createWorld()
    const [a, b] = [await connect(ann), await connect(bob)]
    const done = mesh.drain(10_000)
    const delays = [await a.next('system.draining'), await b.next('system.draining')].map(
      ({ payload }) => payload.reconnect_after_ms,
    )
    expect(delays).toEqual([0, 5_000])
    expect(mesh.admit('127.0.0.1')).toBe('unavailable')
    expect(open().closed?.code).toBe(1012)
    expect(a.closed).toBeUndefined()
    clock.advance(5_000)
    await settle()
    expect([a.closed, b.closed]).toEqual([{ code: 1012, reason: 'drain' }, undefined])
    clock.advance(5_000)
    await done
    expect(b.closed).toEqual({ code: 1012, reason: 'drain' })
  })

  it('leaves no timer behind', async () => {
    const { enter, ann, mesh, clock } = await createWorld()
    await enter(ann)
    await mesh.close()
    expect(clock.timers).toBe(0)
  })
})
