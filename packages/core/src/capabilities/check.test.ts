import { describe, expect, it } from 'vitest'
import { createWorld, grant, heard, join, newRtcId, sdpOf, settle, type World } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'

/** Offers with a token and says how that went; what was refused must not have reached anybody. */
async function offer(
  world: World,
  from: TestClient,
  to: string,
  cap_token: string | undefined,
  purpose = 'call',
  room_id = world.room,
) {
  const rtc_id = newRtcId()
  const before = from.frames.length
  from.send('rtc.offer', to, {
    rtc_id,
    room_id,
    purpose,
    sdp: sdpOf(),
    ...(cap_token === undefined ? {} : { cap_token }),
  })
  await settle(from)
  const error = from.frames.slice(before).find(({ type }) => type === 'error')
  if (!error) from.send('rtc.bye', to, { rtc_id, reason: 'hangup' })
  return error?.code ?? 'delivered'
}

async function pair(options?: Parameters<typeof createWorld>[0]) {
  const world = await createWorld(options)
  const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
  return {
    world,
    a,
    b,
    try: (token: string | undefined, purpose?: string) => offer(world, a, b.peer_id, token, purpose),
  }
}

describe('a token', () => {
  it('is needed', async () => {
    const { b, ...t } = await pair()
    expect(await t.try(undefined)).toBe('CAP_REQUIRED')
    expect(heard(b).filter((type) => type.startsWith('rtc.'))).toEqual([])
  })

  it('must hold the purpose', async () => {
    const { world, a, ...t } = await pair()
    const call = await grant(a, world.room, ['call'])
    expect(await t.try(call, 'screen')).toBe('CAP_REQUIRED')
    expect(a.frames.findLast(({ type }) => type === 'error')?.payload).toEqual({ required: 'screen', retryable: false })
    expect(await t.try(call, 'call')).toBe('delivered')
    expect(await t.try(await grant(a, world.room, ['call', 'screen']), 'screen')).toBe('delivered')
  })

  it('may be used again until it expires: exactly 5 s after its exp', async () => {
    const { world, a, ...t } = await pair()
    const token = await grant(a, world.room, ['call'], { ttl_s: 60 })
    expect(await t.try(token)).toBe('delivered')
    world.clock.advance(64_999)
    // The storage was asked on the way, and gets to answer.
    await settle(a)
    expect(await t.try(token)).toBe('delivered')
    world.clock.advance(1)
    expect(await t.try(token)).toBe('CAP_EXPIRED')
    // Expiry is judged before the capability that is needed, and after everything else.
    expect(await t.try(token, 'screen')).toBe('CAP_EXPIRED')
    expect(await t.try(`${token}A`)).toBe('CAP_INVALID')
  })
})

// Each way to be invalid beside the twin that is not.
describe('a token is CAP_INVALID', () => {
  it('in another room', async () => {
    const { world, a, b, ...t } = await pair()
    const { room_id } = await world.mesh.rooms.create(world.ann, 'Other')
    await world.mesh.rooms.setMember('administrator', room_id, world.bob, 'member')
    for (const client of [a, b]) await join(client, room_id)
    const [here, there] = [await grant(a, world.room, ['call']), await grant(a, room_id, ['call'])]
    expect(await t.try(there)).toBe('CAP_INVALID')
    expect(await t.try(here)).toBe('delivered')
    expect(await offer(world, a, b.peer_id, here, 'call', room_id)).toBe('CAP_INVALID')
    expect(await offer(world, a, b.peer_id, there, 'call', room_id)).toBe('delivered')
  })

  it('in the hands of another peer, of the same user too', async () => {
    const { world, a, b, ...t } = await pair()
    const second = await world.enter(world.ann)
    expect(await t.try(await grant(b, world.room, ['call']))).toBe('CAP_INVALID')
    expect(await t.try(await grant(second, world.room, ['call']))).toBe('CAP_INVALID')
    expect(await t.try(await grant(a, world.room, ['call']))).toBe('delivered')
  })

  it('in the hands of another device', async () => {
    const world = await createWorld()
    const [own, other] = [`dev_${'a'.repeat(22)}`, `dev_${'b'.repeat(22)}`]
    const [a, b] = [await world.enter(world.ann, { device_id: own }), await world.enter(world.bob)]
    const [room, member] = [
      await world.storage.rooms.find(world.room),
      await world.storage.rooms.member(world.room, world.ann),
    ]
    if (!room || !member) throw new Error('no room')
    const forDevice = async (sub: string) =>
      (await world.mesh.grant({ room_id: world.room, caps: ['call'] }, sub, { user_id: world.ann }, { room, member }))
        .token
    expect(await offer(world, a, b.peer_id, await forDevice(other))).toBe('CAP_INVALID')
    expect(await offer(world, a, b.peer_id, await forDevice(own))).toBe('delivered')
  })

  it('towards another peer than its target', async () => {
    const { world, a, b, ...t } = await pair()
    const c = await world.enter(world.cleo)
    const [forB, forC] = [
      await grant(a, world.room, ['call'], { target_peer_id: b.peer_id }),
      await grant(a, world.room, ['call'], { target_peer_id: c.peer_id }),
    ]
    expect(await t.try(forC)).toBe('CAP_INVALID')
    expect(await offer(world, a, world.bob, forB)).toBe('CAP_INVALID')
    expect(
      heard(b)
        .concat(heard(c))
        .filter((type) => type.startsWith('rtc.')),
    ).toEqual([])
    expect(await t.try(forB)).toBe('delivered')
    expect(await offer(world, a, c.peer_id, forC)).toBe('delivered')
  })

  it('towards another device than its target', async () => {
    const { world, a, b, ...t } = await pair()
    const device_id = `dev_${'a'.repeat(22)}`
    const agent = await world.enter(world.bob, { device_id })
    const token = await grant(a, world.room, ['call'], { target_device_id: device_id })
    expect(await t.try(token)).toBe('CAP_INVALID')
    expect(await offer(world, a, world.bob, token)).toBe('CAP_INVALID')
    expect(heard(b).filter((type) => type.startsWith('rtc.'))).toEqual([])
    expect(await offer(world, a, agent.peer_id, token)).toBe('delivered')
    expect(await offer(world, a, device_id, token)).toBe('delivered')
  })

  it.each([
    ['the role changed', (w: World) => w.setRole(w.bob, 'guest')],
    ['the role changed, to one that may more', (w: World) => w.setRole(w.bob, 'owner')],
    ['the policy changed', (w: World) => w.setCaps({ guest: [] })],
    [
      'the policy changed, without a word on capabilities',
      (w: World) => w.mesh.rooms.update('administrator', w.room, { policy: { relay_only: true } }),
    ],
  ])('once %s', async (_name, change) => {
    const { world, b, a } = await pair()
    const token = await grant(b, world.room, ['call'])
    expect(await offer(world, b, a.peer_id, token)).toBe('delivered')
    await change(world)
    expect(await offer(world, b, a.peer_id, token)).toBe('CAP_INVALID')
    expect(await offer(world, b, a.peer_id, await grant(b, world.room, ['call']))).toBe('delivered')
  })

  it('not for a change that is none of its business', async () => {
    const { world, b, a } = await pair()
    const token = await grant(b, world.room, ['call'])
    await world.setRole(world.cleo, 'member')
    await world.setRole(world.dan, 'guest')
    await world.mesh.rooms.update('administrator', world.room, { name: 'Another name' })
    await b.ask('chat.message.send', world.room, { text: 'x' })
    expect(await offer(world, b, a.peer_id, token)).toBe('delivered')
  })

  it('once its holder was removed, and for ever, even if added again with the same role', async () => {
    const { world, b, a } = await pair()
    const token = await grant(b, world.room, ['call'])
    await world.remove(world.bob)
    expect(await offer(world, b, a.peer_id, token)).toBe('ACCESS_DENIED')
    await world.setRole(world.bob, 'member')
    expect(await offer(world, b, a.peer_id, token)).toBe('ACCESS_DENIED')
    await join(b, world.room)
    expect(await offer(world, b, a.peer_id, token)).toBe('CAP_INVALID')
    expect(await offer(world, b, a.peer_id, await grant(b, world.room, ['call']))).toBe('delivered')
  })

  it('under another login', async () => {
    const { world, a, ...t } = await pair()
    const token = await grant(a, world.room, ['call'])
    await a.ask('system.token.refresh', 'server', { token: await world.token(world.ann) })
    expect(await t.try(token)).toBe('CAP_INVALID')
    expect(await t.try(await grant(a, world.room, ['call']))).toBe('delivered')
  })

  it('if it holds more than the role may have, whatever its version says', async () => {
    const { world, b, a } = await pair()
    const [room, member] = [
      await world.storage.rooms.find(world.room),
      await world.storage.rooms.member(world.room, world.bob),
    ]
    if (!room || !member) throw new Error('no room')
    const target_peer_id = a.peer_id
    const request = { room_id: world.room, caps: ['call', 'terminal:control'], target_peer_id }
    // As if the grant had read an owner's membership.
    const { token } = await world.mesh.grant(
      request,
      b.peer_id,
      { user_id: world.bob },
      { room, member: { ...member, role: 'owner' } },
    )
    expect(await offer(world, b, a.peer_id, token)).toBe('CAP_INVALID')
    const twin = await world.mesh.grant(
      { ...request, caps: ['call'] },
      b.peer_id,
      { user_id: world.bob },
      { room, member },
    )
    expect(await offer(world, b, a.peer_id, twin.token)).toBe('delivered')
  })
})
