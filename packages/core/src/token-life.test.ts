import { describe, expect, it } from 'vitest'
import { heard, comeBack, createWorld, join, resumeOf, settle } from './testing/kit.ts'

// An access token lives 600 s, the warning comes 60 s before its end, and 25 s after it the connection is over.
async function aged(seconds: number) {
  const world = await createWorld({ limits: { heartbeat_s: 100_000 } })
  const a = await world.enter(world.ann)
  world.clock.advance(seconds * 1_000)
  return { ...world, a }
}

describe('an access token that runs out', () => {
  it('is announced once, 60 s before', async () => {
    const { a, clock } = await aged(539)
    await settle(a)
    expect(a.frames.some(({ type }) => type === 'system.token.expiring')).toBe(false)
    clock.advance(2_000)
    expect((await a.next('system.token.expiring')).payload).toEqual({ expires_at: '2026-01-01T00:10:00.000Z' })
    clock.advance(30_000)
    expect(a.frames.filter(({ type }) => type === 'system.token.expiring')).toHaveLength(1)
  })

  it('is good to its last moment', async () => {
    const { a, clock, room } = await aged(599)
    expect((await a.ask('chat.message.send', room, { text: 'x' })).type).toBe('chat.message.created')
    clock.advance(1_000)
    expect(await a.ask('chat.message.send', room, { text: 'x' })).toMatchObject({
      code: 'AUTH_EXPIRED',
      payload: { retryable: true },
    })
  })

  it('leaves nothing but to bring another one, for 25 s', async () => {
    const { a, clock, ann, room, token } = await aged(601)
    for (const [type, to, payload] of [
      ['chat.message.send', room, { text: 'x' }],
      ['room.leave', room, {}],
      ['rtc.bye', a.peer_id, {}],
      ['no.such', 'server', {}],
    ] as const) {
      expect((await a.ask(type, to, payload)).code).toBe('AUTH_EXPIRED')
    }
    clock.advance(20_000)
    const refreshed = await a.ask('system.token.refresh', 'server', { token: await token(ann) })
    expect(refreshed).toMatchObject({
      type: 'system.token.refreshed',
      payload: { expires_at: '2026-01-01T00:20:21.000Z' },
    })
    expect((await a.ask('chat.message.send', room, { text: 'x' })).type).toBe('chat.message.created')
    clock.advance(500_000)
    expect(a.closed).toBeUndefined()
    clock.advance(60_000)
    expect(a.frames.filter(({ type }) => type === 'system.token.expiring')).toHaveLength(2)
  })

  it('takes signs of life all the same, so that nobody is cut for being quiet', async () => {
    const { a } = await aged(601)
    expect((await a.ask('system.ping', 'server', {})).type).toBe('system.pong')
    a.send('system.pong', 'server', {})
    a.send('system.ack', 'server', { received: 1 })
    await settle(a)
    expect(a.frames.some(({ type }) => type === 'error')).toBe(false)
  })

  it('lets what others send wait until there is another one, and loses none of it', async () => {
    const { a, clock, ann, bob, room, token, connect } = await aged(590)
    const b = await connect(bob)
    await join(b, room)
    await settle(a)
    clock.advance(11_000)
    const before = a.frames.length
    for (const text of ['one', 'two'])
      expect((await b.ask('chat.message.send', room, { text })).type).toContain('created')
    b.send('presence.update', room, { status: 'busy' })
    await settle(b)
    clock.advance(2_000)
    await settle(a)
    const seen = () => a.frames.slice(before).filter(({ type }) => type !== 'system.pong')
    expect(seen()).toEqual([])
    await a.ask('system.token.refresh', 'server', { token: await token(ann) })
    const types = seen().map(({ type, payload }) => (payload.text as string | undefined) ?? type)
    expect(types).toEqual(['one', 'two', 'presence.update', 'system.token.refreshed'])
    expect((await b.ask('chat.message.send', room, { text: 'three' })).type).toContain('created')
    expect((await a.next(({ payload }) => payload.text === 'three')).type).toBe('chat.message.created')
  })

  it('lets it go out as well when the wall clock turns out to have been fast', async () => {
    const w = await createWorld()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    w.clock.jump(600_000)
    w.clock.advance(1_000)
    await w.setRole(w.cleo, 'member')
    await settle()
    expect(heard(a)).not.toContain('room.member.updated')
    w.clock.jump(-600_000)
    w.clock.advance(1_000)
    expect(heard(a)).toContain('room.member.updated')
    expect(heard(b)).toContain('room.member.updated')
  })

  it('loses none of it either when the connection ends meanwhile', async () => {
    const w = await createWorld({ limits: { heartbeat_s: 100_000 } })
    const a = await w.enter(w.ann)
    const b = await w.enter(w.bob, { at: w.clock.now() + 4_000 })
    w.clock.advance(601_000)
    expect((await b.ask('chat.message.send', w.room, { text: 'meanwhile' })).type).toContain('created')
    const resume = resumeOf(a)
    w.clock.advance(24_000)
    expect(a.closed?.code).toBe(4001)
    const again = await comeBack(w, w.ann, resume)
    expect((await again.next('chat.message.created')).payload).toMatchObject({ text: 'meanwhile' })
  })

  it('closes with 4001 after that', async () => {
    const { a, clock } = await aged(624)
    expect(a.closed).toBeUndefined()
    clock.advance(1_000)
    expect(a.closed).toEqual({ code: 4001, reason: 'auth_expired' })
  })
})

describe('a refresh', () => {
  it('with a bad token is refused, and the old one stays in force', async () => {
    const { a, ann, token, clock } = await aged(10)
    const refresh = async (bad: string) => (await a.ask('system.token.refresh', 'server', { token: bad })).code
    expect(await refresh('nonsense')).toBe('AUTH_INVALID')
    expect(await refresh('x'.repeat(5_000))).toBe('AUTH_INVALID')
    expect(await refresh(await token(ann, clock.now() - 700_000))).toBe('AUTH_EXPIRED')
    expect((await a.ask('system.ping', 'server', {})).type).toBe('system.pong')
    clock.advance(0)
    expect(a.closed).toBeUndefined()
  })

  const device_id = `dev_${'d'.repeat(22)}`
  it.each([
    ['another user', 'bob', {}, {}],
    ['another device', 'ann', { device_id }, { device_id: `dev_${'e'.repeat(22)}` }],
    ['a device in place of none', 'ann', {}, { device_id }],
    ['none in place of a device', 'ann', { device_id }, {}],
  ] as const)('with the token of %s is AUTH_INVALID, then 4100', async (_name, who, own, other) => {
    const world = await createWorld()
    const a = await world.enter(world.ann, own)
    const refresh = a.send('system.token.refresh', 'server', { token: await world.token(world[who], other) })
    a.send('chat.message.send', world.room, { text: 'behind it' })
    expect(await a.next('error')).toMatchObject({ code: 'AUTH_INVALID', reply_to: refresh })
    await settle()
    expect(a.closed).toEqual({ code: 4100, reason: 'auth_invalid' })
    expect(await world.mesh.rooms.messages('administrator', world.room, { limit: 1 })).toEqual([])
  })

  it('with a token from before the one in force is AUTH_INVALID, then 4100', async () => {
    const world = await createWorld()
    const old = await world.token(world.ann)
    world.clock.advance(2_000)
    const a = await world.enter(world.ann)
    expect((await a.ask('system.token.refresh', 'server', { token: old })).code).toBe('AUTH_INVALID')
    await settle()
    expect(a.closed).toEqual({ code: 4100, reason: 'auth_invalid' })
  })

  it('with the token in force changes nothing', async () => {
    const { a, token, ann, clock } = await aged(0)
    const same = await token(ann, { at: clock.now() })
    expect((await a.ask('system.token.refresh', 'server', { token: same })).type).toBe('system.token.refreshed')
    expect(a.closed).toBeUndefined()
  })

  it('with a token that ends sooner is CONFLICT, and the one in force stays', async () => {
    const { a, token, ann, clock } = await aged(10)
    const short = await token(ann, { life_s: 60 })
    expect(await a.ask('system.token.refresh', 'server', { token: short })).toMatchObject({
      code: 'CONFLICT',
      payload: { reason: 'shorter_token' },
    })
    clock.advance(100_000)
    expect((await a.ask('system.ping', 'server', {})).type).toBe('system.pong')
    expect(a.closed).toBeUndefined()
  })

  it('during which the access is revoked ends the connection', async () => {
    const sid = `sess_${'n'.repeat(22)}`
    const world = await createWorld()
    const a = await world.enter(world.ann)
    a.send('system.token.refresh', 'server', { token: await world.token(world.ann, { sid }) })
    // The connection still belongs to the login before.
    expect(world.mesh.disconnect({ sid })).toBe(0)
    await expect(a.next('system.token.refreshed')).rejects.toThrow('4101')
  })

  it('moves the connection to the new login', async () => {
    const sid = `sess_${'n'.repeat(22)}`
    const world = await createWorld()
    const a = await world.enter(world.ann)
    await a.ask('system.token.refresh', 'server', { token: await world.token(world.ann, { sid }) })
    expect(world.mesh.disconnect({ sid })).toBe(1)
    expect(a.closed?.code).toBe(4101)
  })
})
