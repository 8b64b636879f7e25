import { randomBytes } from 'node:crypto'
import { createKeyring, generateSigningKey, issueCapability, type CapabilityClaims } from '@mesh/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRig, sdp, type Account, type Rig, type Wire } from './support.ts'

// The negative half of a call over a raw socket: what must not work, the code it is answered with, and that the target
// hears nothing of it. Each refusal has its accepted twin at the end, so that no test passes for the wrong reason.
let rig: Rig
let ann: Account
let bob: Account
let room: string
let otherRoom: string
let a: Wire
let b: Wire
let c: Wire
let outsider: Wire
const candidate = { candidate: 'candidate:1 1 udp 1 192.0.2.1 1 typ host', sdpMid: '0', sdpMLineIndex: 0 }
const rtcId = () => `rtc_${randomBytes(16).toString('base64url')}`

beforeAll(async () => {
  rig = await createRig({
    limits: { classes: { sdp: { burst: 200 }, capability: { burst: 200 }, other: { burst: 200 } } },
  })
  const [cleo, mallory] = [await rig.account('cleo'), await rig.account('mallory')]
  ann = await rig.account('ann')
  bob = await rig.account('bob')
  room = (await rig.mesh.rooms.create(ann.user_id, 'One')).room_id
  otherRoom = (await rig.mesh.rooms.create(ann.user_id, 'Two')).room_id
  for (const { user_id } of [bob, cleo]) await rig.mesh.rooms.setMember('administrator', room, user_id, 'member')
  const connect = async ({ access_token }: Account, join: boolean) => {
    const wire = await rig.open()
    expect(await wire.hello(access_token)).toMatchObject({ type: 'system.welcome' })
    if (join) expect(await wire.ask('room.join', room, {})).toMatchObject({ type: 'room.joined' })
    return wire
  }
  a = await connect(ann, true)
  b = await connect(bob, true)
  c = await connect(cleo, true)
  outsider = await connect(mallory, false)
  await a.ask('room.join', otherRoom, {})
})

afterAll(() => rig.close())

async function capability(wire: Wire, request: object): Promise<string> {
  const granted = await wire.ask('capability.request', 'server', { room_id: room, caps: ['call'], ...request })
  expect(granted).toMatchObject({ type: 'capability.granted' })
  return String(granted.payload.token)
}

const offer = (cap_token?: string, more: object = {}) => ({
  rtc_id: rtcId(),
  room_id: room,
  purpose: 'call',
  sdp: sdp(),
  ...(cap_token === undefined ? {} : { cap_token }),
  ...more,
})

/** The claims of a token as the server makes them, for tokens that it would never make. */
async function claims(more: Partial<CapabilityClaims>): Promise<CapabilityClaims> {
  const [, payload = ''] = (await capability(a, {})).split('.')
  return { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as CapabilityClaims), ...more }
}

const past = () => ({ iat: Math.floor(Date.now() / 1000) - 200, exp: Math.floor(Date.now() / 1000) - 80 })

/** Neither the target nor a bystander may have heard of any of it. */
async function nothingDelivered(): Promise<void> {
  // An answer to a later question shows that everything before it has been dealt with.
  await b.ask('system.ping', 'server', {})
  await c.ask('system.ping', 'server', {})
  for (const wire of [b, c, outsider]) expect(wire.frames.filter((frame) => frame.type.startsWith('rtc.'))).toEqual([])
}

describe('an offer', () => {
  const cases: [name: string, send: () => Promise<object>, expected: object][] = [
    ['without a token', async () => offer(), { code: 'CAP_REQUIRED', payload: { required: 'call' } }],
    ['with a token that is none', async () => offer('a.b.c'), { code: 'CAP_INVALID' }],
    [
      'with an expired token',
      async () => offer(await issueCapability(rig.mesh.keys.capability, await claims(past()))),
      { code: 'CAP_EXPIRED' },
    ],
    [
      'with a forged token',
      async () => offer(await issueCapability(await createKeyring([await generateSigningKey()]), await claims({}))),
      { code: 'CAP_INVALID' },
    ],
    [
      'with a forged token that is also expired',
      async () => offer(await issueCapability(await createKeyring([await generateSigningKey()]), await claims(past()))),
      { code: 'CAP_INVALID' },
    ],
    [
      'with a tampered token',
      async () => {
        const [head, , signature] = (await capability(a, {})).split('.')
        const payload = Buffer.from(JSON.stringify(await claims({ caps: ['call', 'screen'] }))).toString('base64url')
        return offer(`${head}.${payload}.${signature}`)
      },
      { code: 'CAP_INVALID' },
    ],
    [
      'with a token for another room',
      async () => offer(await capability(a, { room_id: otherRoom })),
      { code: 'CAP_INVALID' },
    ],
    [
      'with a token for another target',
      async () => offer(await capability(a, { target_peer_id: c.peer_id })),
      { code: 'CAP_INVALID' },
    ],
    ["with another peer's token", async () => offer(await capability(b, {})), { code: 'CAP_INVALID' }],
    ['with an access token', async () => offer(ann.access_token), { code: 'CAP_INVALID' }],
    [
      'with a token that lacks the capability',
      async () => offer(await capability(a, { caps: ['call'] }), { purpose: 'screen' }),
      { code: 'CAP_REQUIRED', payload: { required: 'screen' } },
    ],
    [
      'for a call that would open a data channel',
      async () => offer(await capability(a, {}), { sdp: sdp('application') }),
      { code: 'BAD_MESSAGE' },
    ],
    [
      'in a room that does not exist',
      async () => offer(await capability(a, {}), { room_id: `room_${randomBytes(16).toString('base64url')}` }),
      { code: 'ROOM_NOT_FOUND' },
    ],
  ]

  it.each(cases)('%s is refused', async (_name, make, expected) => {
    expect(await a.ask('rtc.offer', b.peer_id, await make())).toMatchObject({ type: 'error', ...expected })
    await nothingDelivered()
  })

  it('to somebody outside the room, somebody offline or nobody at all is answered alike', async () => {
    for (const to of [
      outsider.peer_id,
      `peer_${randomBytes(16).toString('base64url')}`,
      `usr_${randomBytes(16).toString('base64url')}`,
    ]) {
      expect(await a.ask('rtc.offer', to, offer(await capability(a, {})))).toMatchObject({ code: 'UNROUTABLE' })
    }
    await nothingDelivered()
  })

  it('from somebody outside the room is refused', async () => {
    expect(await outsider.ask('rtc.offer', b.peer_id, offer(await capability(a, {})))).toMatchObject({
      code: 'ACCESS_DENIED',
    })
    expect(await outsider.ask('capability.request', 'server', { room_id: room, caps: ['call'] })).toMatchObject({
      code: 'ACCESS_DENIED',
    })
    await nothingDelivered()
  })

  it('under a false name is refused', async () => {
    const spoofed = { from: c.peer_id }
    expect(await a.ask('rtc.offer', b.peer_id, offer(await capability(a, {})), spoofed)).toMatchObject({
      code: 'BAD_MESSAGE',
    })
    await nothingDelivered()
  })

  it('with everything right is delivered, and a third party cannot join in', async () => {
    const good = offer(await capability(a, { target_peer_id: b.peer_id }))
    const { rtc_id } = good
    a.send('rtc.offer', b.peer_id, good)
    const rung = await b.next('rtc.offer')
    expect(rung).toMatchObject({ from: a.peer_id, payload: { rtc_id, room_id: room, purpose: 'call', sdp: good.sdp } })
    expect(rung.payload).not.toHaveProperty('cap_token')

    for (const to of [a.peer_id, b.peer_id]) {
      expect(await c.ask('rtc.answer', to, { rtc_id, sdp: sdp() })).toMatchObject({ code: 'NOT_FOUND' })
      expect(await c.ask('rtc.ice', to, { rtc_id, candidate })).toMatchObject({ code: 'NOT_FOUND' })
      expect(await c.ask('rtc.bye', to, { rtc_id, reason: 'hangup' })).toMatchObject({ code: 'NOT_FOUND' })
    }
    await a.ask('system.ping', 'server', {})
    expect(a.frames.filter((frame) => frame.type.startsWith('rtc.'))).toEqual([])

    b.send('rtc.ice', a.peer_id, { rtc_id, candidate })
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdp() })
    expect((await a.next((frame) => frame.type.startsWith('rtc.'))).type).toBe('rtc.answer')
    expect((await a.next('rtc.ice')).payload).toEqual({ rtc_id, candidate })

    await rig.mesh.rooms.removeMember('administrator', room, bob.user_id)
    expect((await a.next('rtc.bye')).payload).toEqual({ rtc_id, reason: 'revoked' })
    expect((await b.next((frame) => frame.type === 'room.left')).payload).toMatchObject({ reason: 'removed' })
    expect(await b.ask('rtc.bye', a.peer_id, { rtc_id, reason: 'hangup' })).toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('a connection', () => {
  it.each([
    ['no token', undefined, 'AUTH_REQUIRED', 4100],
    ['a token that is none', 'x.y.z', 'AUTH_INVALID', 4100],
  ])('with %s is closed', async (_name, token, code, close) => {
    const wire = await rig.open()
    expect(await wire.hello(token)).toMatchObject({ type: 'error', code })
    expect(await wire.closed).toBe(close)
  })

  it('takes the token from the Authorization header, never from the URL', async () => {
    const wire = await rig.open({ headers: { authorization: `Bearer ${ann.access_token}` } })
    expect(await wire.hello()).toMatchObject({
      type: 'system.welcome',
      payload: { user_id: ann.user_id, resumed: false },
    })
    wire.socket.close()
    for (const name of ['token', 'access_token', 'jwt']) {
      await expect(rig.open({ path: `/ws?${name}=${ann.access_token}` })).rejects.toThrow('400')
    }
  })

  it('from a page of another origin is refused', async () => {
    await expect(rig.open({ origin: 'https://evil.example' })).rejects.toThrow('403')
    await expect(rig.open({ path: '/elsewhere' })).rejects.toThrow('404')
  })

  it('closes with 1003 on a binary frame and 4102 on anything before the hello', async () => {
    const binary = await rig.open()
    await binary.hello(ann.access_token)
    binary.socket.send(Buffer.from('{}'))
    expect(await binary.closed).toBe(1003)
    const eager = await rig.open()
    eager.send('room.join', room, {})
    expect(await eager.closed).toBe(4102)
  })

  it('ends with the logout of its login', async () => {
    const wire = await rig.open()
    await wire.hello(ann.access_token)
    expect((await rig.rest('POST', '/api/v1/auth/logout', { refresh_token: ann.refresh_token })).status).toBe(204)
    expect(await wire.closed).toBe(4101)
  })
})
