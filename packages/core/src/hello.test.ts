import { describe, expect, it } from 'vitest'
import { MeshError } from './errors.ts'
import { createWorld, frameText, settle } from './testing/kit.ts'

const world = await createWorld({ limits: {} })
const token = await world.token(world.ann)
const hello = (payload: object, overrides: object = {}) => frameText({ type: 'system.hello', payload, ...overrides })
const device = `dev_${'d'.repeat(22)}`

describe('the hello', () => {
  it('is answered with a welcome that says who one is', async () => {
    const client = world.open()
    const welcome = await client.ask('system.hello', 'server', { token, client: { name: 'test', version: '1' } })
    expect(welcome).toMatchObject({
      type: 'system.welcome',
      from: 'server',
      to: welcome.payload.peer_id,
      timestamp: '2026-01-01T00:00:00.000Z',
      payload: { user_id: world.ann, resumed: false, heartbeat_s: 25, server_time: '2026-01-01T00:00:00.000Z' },
    })
    expect(welcome.payload.peer_id).toMatch(/^peer_[\w-]{22}$/)
    expect(welcome.payload.session_id).toMatch(/^sess_[\w-]{33}$/)
    expect(welcome.payload.features).toEqual(expect.arrayContaining(['chat', 'presence', 'rtc']))
    expect(welcome.payload.limits).toMatchObject({ frame_bytes: 98_304 })
    expect(welcome.payload).not.toHaveProperty('device_id')
  })

  it('finds the token in the header too, and the one in the frame first', async () => {
    const byHeader = world.open(`Bearer ${token}`)
    expect((await byHeader.ask('system.hello', 'server', {})).type).toBe('system.welcome')
    const both = world.open('Bearer nonsense')
    expect((await both.ask('system.hello', 'server', { token })).type).toBe('system.welcome')
    const basic = world.open(`Basic ${token}`)
    expect(await basic.ask('system.hello', 'server', {})).toMatchObject({ code: 'AUTH_REQUIRED' })
  })

  it('answers a resume that it cannot grant with a fresh session', async () => {
    const resume = { session_id: `sess_${'s'.repeat(22)}`, token: 'x', received: 3 }
    const client = world.open()
    expect(await client.ask('system.hello', 'server', { token, resume })).toMatchObject({ payload: { resumed: false } })
  })

  it('may say in a resume who one was', async () => {
    const resume = { session_id: `sess_${'s'.repeat(22)}`, token: 'x', received: 3 }
    const ask = (from: string) => {
      const client = world.open()
      client.raw(hello({ token, resume }, { from }))
      return client
    }
    expect(await ask(`peer_${'p'.repeat(22)}`).next('system.welcome')).toMatchObject({ payload: { resumed: false } })
    expect(ask('server').closed?.code).toBe(4102)
  })

  it('says which device it is, and no other', async () => {
    const own = await world.token(world.ann, { device_id: device })
    const client = world.open()
    const welcome = await client.ask('system.hello', 'server', { token: own, device_id: device })
    expect(welcome.payload.device_id).toBe(device)
    for (const wrong of [
      { token: own, device_id: `${device}x` },
      { token, device_id: device },
    ]) {
      const other = world.open()
      expect(await other.ask('system.hello', 'server', wrong)).toMatchObject({ code: 'AUTH_INVALID' })
      expect(other.closed).toEqual({ code: 4100, reason: 'auth_invalid' })
    }
  })

  it.each([
    ['no token', undefined, 'AUTH_REQUIRED', 4100],
    ['nonsense', 'nonsense', 'AUTH_INVALID', 4100],
    ['a token that is too long', 'x'.repeat(5_000), 'AUTH_INVALID', 4100],
  ])('with %s gets an error, then the close', async (_name, token, code, close) => {
    const client = world.open()
    const answer = await client.ask('system.hello', 'server', { token })
    expect(answer).toMatchObject({ type: 'error', code, from: 'server', payload: { retryable: false } })
    expect(client.closed?.code).toBe(close)
    expect(client.frames).toHaveLength(1)
  })

  it('with an expired token is told to come back', async () => {
    const client = world.open()
    const old = await world.token(world.ann, world.clock.now() - 605_000)
    expect(await client.ask('system.hello', 'server', { token: old })).toMatchObject({ code: 'AUTH_EXPIRED' })
    expect(client.closed).toEqual({ code: 4001, reason: 'auth_expired' })
  })
})

describe('what is not a hello', () => {
  it.each([
    ['another event', frameText()],
    ['no JSON', '{'],
    ['a field too many', hello({ token, extra: 1 })],
    ['a token that is no string', hello({ token: 1 })],
    ['another address', hello({ token }, { to: `room_${'r'.repeat(22)}` })],
    ['a from', hello({ token }, { from: `peer_${'p'.repeat(22)}` })],
    ['no id', hello({ token }, { id: undefined })],
    ['more than 8 KiB', hello({ token }) + ' '.repeat(8_193 - hello({ token }).length)],
  ])('closes with 4102: %s', async (_name, text) => {
    const client = world.open()
    client.raw(text)
    expect(client.closed).toEqual({ code: 4102, reason: 'protocol' })
    client.raw(hello({ token }))
    await new Promise((resolve) => setImmediate(resolve))
    expect(client.frames).toEqual([])
  })

  it('but 8 KiB to the byte are one', async () => {
    const client = world.open()
    client.raw(hello({ token }) + ' '.repeat(8_192 - hello({ token }).length))
    expect((await client.next('system.welcome')).payload.user_id).toBe(world.ann)
  })

  it.each(['a ping', 'the hello again'])('closes with 4102 when %s comes before the welcome', async (second) => {
    const client = world.open()
    const before = world.mesh.peers.size
    client.raw(hello({ token }))
    client.raw(second === 'a ping' ? frameText() : hello({ token }))
    expect(client.closed?.code).toBe(4102)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(client.frames).toEqual([])
    expect(world.mesh.peers.size).toBe(before)
  })

  it('closes with 1003 when it is binary', () => {
    const client = world.open()
    client.connection.binary()
    expect(client.closed).toEqual({ code: 1003, reason: 'unsupported' })
  })
})

describe('the deadline', () => {
  it('is 5 s for a hello', () => {
    const client = world.open()
    world.clock.advance(4_999)
    expect(client.closed).toBeUndefined()
    world.clock.advance(1)
    expect(client.closed?.code).toBe(4102)
  })

  it('is over with the welcome', async () => {
    const client = await world.connect(world.dan)
    world.clock.advance(5_001)
    expect(client.closed).toBeUndefined()
  })

  it('holds no slow authentication against the client', async () => {
    const slow = await createWorld({ authenticate: () => new Promise(() => {}) })
    const client = slow.open()
    client.raw(hello({ token }))
    slow.clock.advance(5_000)
    expect(client.closed).toEqual({ code: 1013, reason: 'overload' })
  })
})

describe('an authentication that fails', () => {
  const failing = async (fault: () => never) => {
    const { open } = await createWorld({ authenticate: fault })
    const client = open()
    return { client, answer: await client.ask('system.hello', 'server', { token }) }
  }

  it('for want of a store is temporary', async () => {
    const { client, answer } = await failing(() => {
      throw new MeshError('UNAVAILABLE')
    })
    expect(answer).toMatchObject({ code: 'UNAVAILABLE', payload: { retryable: true } })
    expect(client.closed?.code).toBe(1013)
  })

  it('by a fault, thrown at once, gets no further than this connection', async () => {
    const { client, answer } = await failing(() => {
      throw new TypeError(`cannot read ${token}`)
    })
    expect(answer.code).toBe('INTERNAL')
    expect(JSON.stringify(answer)).not.toContain(token)
    expect(client.closed?.code).toBe(1013)
  })

  it('too late is said to nobody', async () => {
    const { promise, reject } = Promise.withResolvers<never>()
    const slow = await createWorld({ authenticate: () => promise })
    const client = slow.open()
    client.raw(hello({ token }))
    slow.clock.advance(5_000)
    reject(new MeshError('AUTH_INVALID'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(client.frames).toEqual([])
  })
})

describe('a revocation', () => {
  it('while the token is being checked is not overtaken by the welcome', async () => {
    let go = () => {}
    const reached = new Promise<void>((resolve) => (go = resolve))
    const { open, mesh } = await createWorld({
      async authenticate() {
        await reached
        return { user_id: world.ann, username: 'ann', sid: 'sess_a' }
      },
    })
    const client = open()
    const other = open()
    client.raw(hello({ token }))
    expect(mesh.disconnect({ sid: 'sess_a' })).toBe(0)
    other.raw(hello({ token }))
    go()
    expect((await other.next('system.welcome')).payload.user_id).toBe(world.ann)
    expect(client.closed).toEqual({ code: 4101, reason: 'revoked' })
    expect(client.frames).toEqual([])
  })

  it('closes exactly those that it means', async () => {
    const [a, b] = [await world.connect(world.ann, { sid: `sess_${'a'.repeat(22)}` }), await world.connect(world.ann)]
    expect(world.mesh.disconnect({ sid: `sess_${'a'.repeat(22)}` })).toBe(1)
    expect(a.closed?.code).toBe(4101)
    await settle(b)
    expect(world.mesh.disconnect({ peer_id: b.peer_id }, 'superseded')).toBe(1)
    expect(b.closed?.code).toBe(4006)
  })
})

describe('connections', () => {
  it('are counted for each user: 4103', async () => {
    const { connect, open, ann, bob, token } = await createWorld({ limits: { connections_per_user: 2 } })
    const first = await connect(ann)
    await connect(ann)
    const third = open()
    third.raw(hello({ token: await token(ann) }))
    await expect(third.next('system.welcome')).rejects.toThrow('4103')
    expect(third.closed).toEqual({ code: 4103, reason: 'connection_limit' })
    await connect(bob)
    first.vanish()
    await connect(ann)
  })

  it('are counted for each address, those without a hello apart', async () => {
    const limits = { connections_per_address: 4, unauthenticated_per_address: 2 }
    const { connect, open, mesh, ann } = await createWorld({ limits })
    await connect(ann)
    expect(mesh.admit('127.0.0.1')).toBe('ok')
    const waiting = open()
    const another = open()
    expect(mesh.admit('127.0.0.1')).toBe('too_many')
    expect(mesh.admit('127.0.0.2')).toBe('ok')
    another.vanish()
    expect(mesh.admit('127.0.0.1')).toBe('ok')
    waiting.vanish()
    await connect(ann)
    await connect(ann)
    expect(mesh.admit('127.0.0.1')).toBe('ok')
    await connect(ann)
    expect(mesh.admit('127.0.0.1')).toBe('too_many')
  })

  it('without a hello are counted over all addresses', async () => {
    const { open, mesh } = await createWorld({ limits: { unauthenticated: 1 } })
    const waiting = open()
    expect(mesh.admit('127.0.0.2')).toBe('too_many')
    waiting.vanish()
    expect(mesh.admit('127.0.0.2')).toBe('ok')
  })
})
