import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { capabilities, type Role } from '../acl.ts'
import { createWorld, grant, join } from '../testing/kit.ts'

const roles: Role[] = ['owner', 'member', 'guest']
const peer = `peer_${'t'.repeat(22)}`
const device = `dev_${'t'.repeat(22)}`

const world = await createWorld({ extraCaps: ['whiteboard'] })
const of = {
  owner: await world.connect(world.ann),
  member: await world.connect(world.bob),
  guest: await world.connect(world.cleo),
}
const outsider = await world.connect(world.dan)
const ask = (client: typeof outsider, payload: object) =>
  client.ask('capability.request', 'server', { room_id: world.room, ...payload })

describe('who may ask for what', () => {
  // The contract's table, written out once more.
  const table: Record<Role, string[]> = {
    owner: ['call', 'screen', 'share:file', 'share:folder', 'terminal:view', 'terminal:control', 'whiteboard'],
    member: ['call', 'screen', 'share:file', 'share:folder', 'terminal:view', 'whiteboard'],
    guest: ['call'],
  }
  const changed: Record<Role, string[]> = { owner: ['call'], member: ['terminal:control', 'whiteboard'], guest: [] }
  const cells = [...capabilities, 'whiteboard'].flatMap((cap) => roles.map((role) => [role, cap] as const))

  it.each(cells)('by default, and by another policy: %s, %s', async (role, cap) => {
    const { room_id } = await world.mesh.rooms.create(world.ann, 'Other')
    for (const [user_id, as] of [
      [world.bob, 'member'],
      [world.cleo, 'guest'],
    ] as const) {
      await world.mesh.rooms.setMember('administrator', room_id, user_id, as)
    }
    const request = { room_id, caps: [cap], target_peer_id: peer }
    const refused = { type: 'error', code: 'ACCESS_DENIED' }
    const granted = { type: 'capability.granted' }
    expect(await ask(of[role], request)).toMatchObject(table[role].includes(cap) ? granted : refused)
    await world.mesh.rooms.update('administrator', room_id, { policy: { caps: changed } })
    expect(await ask(of[role], request)).toMatchObject(changed[role].includes(cap) ? granted : refused)
    // The same holds for somebody who has joined, whose room is live.
    await join(of[role], room_id)
    expect(await ask(of[role], request)).toMatchObject(changed[role].includes(cap) ? granted : refused)
    await world.mesh.rooms.update('administrator', room_id, { policy: { caps: table } })
    expect(await ask(of[role], request)).toMatchObject(table[role].includes(cap) ? granted : refused)
  })

  it('needs a member of a room that there is', async () => {
    expect(await ask(outsider, { caps: ['call'] })).toMatchObject({ code: 'ACCESS_DENIED' })
    const room_id = `room_${'n'.repeat(22)}`
    expect(await ask(outsider, { room_id, caps: ['call'] })).toMatchObject({ code: 'ROOM_NOT_FOUND' })
  })
})

describe('a request', () => {
  it('is granted whole or refused', async () => {
    expect(await ask(of.member, { caps: ['call', 'terminal:control'], target_peer_id: peer })).toMatchObject({
      code: 'ACCESS_DENIED',
    })
    expect(await ask(of.guest, { caps: ['screen', 'call'] })).toMatchObject({ code: 'ACCESS_DENIED' })
    expect((await ask(of.member, { caps: ['screen', 'call', 'call'] })).payload.caps).toEqual(['call', 'screen'])
  })

  it.each([
    ['no capability', { caps: [] }],
    ['nine', { caps: Array(9).fill('call') }],
    ['an unknown one', { caps: ['nonsense'] }],
    ['an unknown one beside a known', { caps: ['call', 'nonsense'] }],
    ['a word that is none', { caps: ['Call'] }],
    ['a life of 59 s', { caps: ['call'], ttl_s: 59 }],
    ['a life of 181 s', { caps: ['call'], ttl_s: 181 }],
    ['a life of 60.5 s', { caps: ['call'], ttl_s: 60.5 }],
    ['a size below 0', { caps: ['call'], max_size: -1 }],
    ['a rate that is no integer', { caps: ['call'], max_rate: 0.5 }],
    ['a target that is a user', { caps: ['call'], target_peer_id: world.ann }],
    ['two targets', { caps: ['call'], target_peer_id: peer, target_device_id: device }],
    ['control of no terminal in particular', { caps: ['terminal:control'] }],
    ['a sub', { caps: ['call'], sub: peer }],
  ])('for %s is BAD_MESSAGE', async (_name, wrong) => {
    expect(await ask(of.owner, wrong)).toMatchObject({ code: 'BAD_MESSAGE' })
  })

  it('is answered with a token that says exactly that', async () => {
    const sid = `sess_${'s'.repeat(22)}`
    const client = await world.connect(world.bob, { sid })
    const answer = await ask(client, {
      caps: ['screen', 'call'],
      target_device_id: device,
      max_size: 10,
      max_rate: 0,
      ttl_s: 60,
    })
    const token = String(answer.payload.token)
    const [{ kid }] = world.capabilityKeys.jwks.keys as [{ kid: string }]
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'mesh-cap+jwt', kid })
    const iat = world.clock.now() / 1000
    expect(decodeJwt(token)).toEqual({
      iss: world.issuer,
      aud: world.issuer,
      sub: client.peer_id,
      room_id: world.room,
      caps: ['call', 'screen'],
      iat,
      exp: iat + 60,
      jti: expect.any(String),
      mv: expect.any(Number),
      sid,
      target_device_id: device,
      max_size: 10,
      max_rate: 0,
    })
    expect(answer.payload).toMatchObject({ caps: ['call', 'screen'], expires_at: '2026-01-01T00:01:00.000Z' })
  })

  it.each([
    [undefined, 120],
    [60, 60],
    [180, 180],
  ])('with ttl_s %s lives %s s', async (ttl_s, life) => {
    const { iat = 0, exp = 0 } = decodeJwt(await grant(of.guest, world.room, ['call'], { ttl_s }))
    expect(exp - iat).toBe(life)
  })
})

describe('a repeated id', () => {
  const request = { room_id: world.room, caps: ['call'] }

  it('is answered like the first time, and with another body CONFLICT', async () => {
    const client = await world.connect(world.bob)
    const id = crypto.randomUUID()
    client.send('capability.request', 'server', request, { id })
    const first = await client.next('capability.granted')
    expect(first.reply_to).toBe(id)
    client.send('capability.request', 'server', request, { id })
    expect((await client.next('capability.granted')).payload).toEqual(first.payload)
    client.send('capability.request', 'server', { ...request, caps: ['screen'] }, { id })
    expect(await client.next('error')).toMatchObject({
      code: 'CONFLICT',
      reply_to: id,
      payload: { reason: 'repeated_id' },
    })
  })

  it('that was refused the first time is judged anew', async () => {
    const id = crypto.randomUUID()
    const { room_id } = await world.mesh.rooms.create(world.ann, 'Later')
    const client = await world.connect(world.bob)
    client.send('capability.request', 'server', { room_id, caps: ['call'] }, { id })
    expect(await client.next('error')).toMatchObject({ code: 'ACCESS_DENIED' })
    await world.mesh.rooms.setMember('administrator', room_id, world.bob, 'guest')
    client.send('capability.request', 'server', { room_id, caps: ['call'] }, { id })
    expect((await client.next('capability.granted')).reply_to).toBe(id)
  })

  it('after a reconnect brings a token for the peer that one is now', async () => {
    const id = crypto.randomUUID()
    const before = await world.connect(world.bob)
    before.send('capability.request', 'server', request, { id })
    await before.next('capability.granted')
    before.vanish()
    const after = await world.connect(world.bob)
    after.send('capability.request', 'server', request, { id })
    expect(decodeJwt(String((await after.next('capability.granted')).payload.token)).sub).toBe(after.peer_id)
    after.send('capability.request', 'server', { ...request, caps: ['screen'] }, { id })
    expect((await after.next('error')).code).toBe('CONFLICT')
  })

  it('is remembered for the last 256', async () => {
    const client = await world.connect(world.dan)
    const { room_id } = await world.mesh.rooms.create(world.dan, 'Own')
    const ids = Array.from({ length: 257 }, () => crypto.randomUUID())
    const tokenFor = async (id: string) => {
      client.send('capability.request', 'server', { room_id, caps: ['call'] }, { id })
      return (await client.next((frame) => frame.reply_to === id)).payload.token
    }
    const first = []
    for (const id of ids) first.push(await tokenFor(id))
    expect(await tokenFor(ids[256] ?? '')).toBe(first[256])
    expect(await tokenFor(ids[1] ?? '')).toBe(first[1])
    expect(await tokenFor(ids[0] ?? '')).not.toBe(first[0])
  })
})
