import { describe, expect, it } from 'vitest'
import type { Principal } from './context.ts'
import { createMemoryStorage } from './memory/storage.ts'
import { createWorld, grant, newRtcId, sdpOf, settle, unhurried, type World } from './testing/kit.ts'
import type { TestClient } from './testing/index.ts'

const id = (letter: string) => `dev_${letter.repeat(22)}`

/** Enrols a device of a user's; nobody is connected for it. */
async function addDevice(
  { storage, clock }: World,
  user_id: string,
  device_id: string,
  life_ms = 1e9,
): Promise<string> {
  const span = { created_at: clock.now(), expires_at: clock.now() + life_ms }
  await storage.enrolments.create({ code_hash: device_id, user_id, ...span }, 9)
  const device = { device_id, name: 'a device', public_key: 'x', jkt: 'thumbprint', ...span }
  expect((await storage.enrolments.redeem(device_id, device, 9)).outcome).toBe('enrolled')
  return device_id
}

async function offer(from: TestClient, to: string, room_id: string, purpose: string, cap_token: string) {
  const sdp = sdpOf([purpose === 'call' ? 'audio' : 'application'])
  const rtc_id = newRtcId()
  const before = from.frames.length
  from.send('rtc.offer', to, { rtc_id, room_id, purpose, sdp, cap_token })
  await settle(from)
  return from.frames.slice(before).find(({ type }) => type === 'error')?.code ?? 'delivered'
}

describe('a device that is away', () => {
  const purpose = 'terminal:control'

  it('is its owner’s to control, whatever they are in the room, and goes on to be when it comes', async () => {
    const world = await createWorld()
    for (const [user, device_id] of [
      [world.bob, id('b')],
      [world.cleo, id('c')],
    ] as const) {
      await addDevice(world, user, device_id)
      const browser = await world.enter(user)
      const token = await grant(browser, world.room, [purpose], { target_device_id: device_id })
      expect(await offer(browser, device_id, world.room, purpose, token)).toBe('UNROUTABLE')
      await world.enter(user, { device_id })
      expect(await offer(browser, device_id, world.room, purpose, token)).toBe('delivered')
    }
  })

  it('is nobody else’s', async () => {
    const world = await createWorld()
    const device_id = await addDevice(world, world.ann, id('a'))
    const browser = await world.enter(world.bob)
    const asked = { room_id: world.room, caps: [purpose], target_device_id: device_id }
    expect((await browser.ask('capability.request', 'server', asked)).code).toBe('ACCESS_DENIED')
    const unknown = { ...asked, target_device_id: id('u') }
    expect((await browser.ask('capability.request', 'server', unknown)).code).toBe('ACCESS_DENIED')
  })

  it('is known by another node from the token alone', async () => {
    const storage = createMemoryStorage()
    const world = await createWorld({ storage })
    const device_id = await addDevice(world, world.bob, id('b'))
    const browser = await world.enter(world.bob)
    // As if another node had granted it: this one has not looked the device up.
    const [room, member] = [await storage.rooms.find(world.room), await storage.rooms.member(world.room, world.bob)]
    if (!room || !member) throw new Error('no room')
    const elsewhere = await createWorld({ storage, capabilityKeys: world.capabilityKeys })
    const request = { room_id: world.room, caps: [purpose], target_device_id: device_id }
    const { token } = await elsewhere.mesh.grant(request, browser.peer_id, { user_id: world.bob }, { room, member })
    expect(await offer(browser, device_id, world.room, purpose, token)).toBe('UNROUTABLE')
  })

  it('has its user miss a call, and nobody a file', async () => {
    const world = await createWorld()
    const device_id = await addDevice(world, world.bob, id('b'))
    const caller = await world.enter(world.ann)
    const missed = async () => (await world.storage.events.list(world.room, { after: 0, limit: 99 })).slice(-1)
    for (const share of ['share:file', 'call']) {
      const token = await grant(caller, world.room, [share])
      expect(await offer(caller, device_id, world.room, share, token)).toBe('UNROUTABLE')
      const [last] = await missed()
      if (share === 'call') {
        const payload = { from_user_id: world.ann, to_user_id: world.bob, purpose: 'call' }
        expect(last).toMatchObject({ type: 'call.missed', payload })
      } else expect(last?.type).not.toBe('call.missed')
    }
    // Whoever calls an own device, one that is not there, or one whose user is not in the room, is missed by nobody.
    const before = (await missed())[0]?.seq
    for (const to of [
      await addDevice(world, world.ann, id('a')),
      id('u'),
      await addDevice(world, world.dan, id('d')),
    ]) {
      const token = await grant(caller, world.room, ['call'])
      expect(await offer(caller, to, world.room, 'call', token)).toBe('UNROUTABLE')
    }
    expect((await missed())[0]?.seq).toBe(before)
  })
})

describe('STUN and TURN servers for a device that is away', () => {
  const away = { device_jkt: 'thumbprint' }

  /** Asks for them with a token for a device of bob's, as whoever that was granted to. */
  async function stage(life_ms?: number) {
    const world = await createWorld()
    const device_id = await addDevice(world, world.bob, id('b'), life_ms)
    // From now on the version of everybody's membership is that of the policy, so that it tells nobody from anybody.
    await world.setCaps({})
    const { storage, mesh, bob: user_id, room: room_id } = world
    const bob = { user_id, username: 'bob' }
    const tokenOf = async (grantee: object) => {
      const [room, member] = [await storage.rooms.find(room_id), await storage.rooms.member(room_id, user_id)]
      if (!room || !member) throw new Error('no room')
      const request = { room_id, caps: ['call'] }
      return (await mesh.grant(request, device_id, { user_id, ...grantee }, { room, member })).token
    }
    const ask = (cap_token: string, as: Principal = bob) =>
      mesh.renewIceServers(as, cap_token).then(
        () => 'given',
        ({ code }) => code,
      )
    return { ...world, device_id, bob, tokenOf, ask }
  }

  it('are for its user and for itself', async () => {
    const s = await stage()
    const token = await s.tokenOf(away)
    expect(await s.ask(token)).toBe('given')
    expect(await s.ask(token, { ...s.bob, device_id: s.device_id })).toBe('given')
    expect(await s.ask(token, { ...s.bob, device_id: id('o') })).toBe('CAP_INVALID')
    expect(await s.ask(token, { user_id: s.ann, username: 'ann' })).toBe('CAP_INVALID')
    await s.enter(s.bob.user_id, { device_id: id('o') })
    expect(await s.ask(token)).toBe('given')
  })

  it('need a token that is bound to its key, and to no login, since it has none', async () => {
    const s = await stage()
    expect(await s.ask(await s.tokenOf({ device_jkt: 'another' }))).toBe('CAP_INVALID')
    expect(await s.ask(await s.tokenOf({ ...away, sid: `sess_${'s'.repeat(22)}` }))).toBe('CAP_INVALID')
  })

  it('end with the role, the device and its key', async () => {
    const s = await stage(60_000)
    const before = await s.tokenOf(away)
    await s.setRole(s.bob.user_id, 'guest')
    expect(await s.ask(before)).toBe('CAP_INVALID')
    const token = await s.tokenOf(away)
    s.clock.advance(59_999)
    expect(await s.ask(token)).toBe('given')
    s.clock.advance(1)
    expect(await s.ask(token)).toBe('CAP_INVALID')

    const other = await stage()
    const ofOther = await other.tokenOf(away)
    expect(await other.ask(ofOther)).toBe('given')
    await other.storage.devices.remove({ device_id: other.device_id })
    expect(await other.ask(ofOther)).toBe('CAP_INVALID')
  })
})

describe('when a device was last seen', () => {
  /** A world that counts what is written about it. */
  async function watched() {
    const storage = createMemoryStorage()
    const writes: string[][] = []
    const { seen } = storage.devices
    const devices = {
      ...storage.devices,
      seen(ids: readonly string[], at: number) {
        if (ids.length > 0) writes.push([...ids])
        return seen(ids, at)
      },
    }
    const world = await createWorld({ storage: { ...storage, devices }, limits: unhurried })
    return { world, writes }
  }

  it('is written once a minute for all of them together, and once when one goes', async () => {
    const { world, writes } = await watched()
    const ids = [await addDevice(world, world.bob, id('b')), await addDevice(world, world.cleo, id('c'))]
    const [one] = [await world.enter(world.bob, { device_id: id('b') })]
    await world.enter(world.cleo, { device_id: id('c') })
    await world.enter(world.ann)
    for (let n = 0; n < 200; n++) await one.ask('system.ping', 'server', {})
    world.clock.advance(59_000)
    expect(writes).toEqual([])
    world.clock.advance(1_000)
    expect(writes).toEqual([ids])
    expect((await world.storage.devices.find(id('b')))?.last_seen).toBe(world.clock.now())

    world.clock.advance(20_000)
    one.vanish()
    world.clock.advance(1_000)
    expect(writes).toEqual([ids, [id('b')]])
    world.clock.advance(120_000)
    expect(writes.slice(2)).toEqual([[id('c')], [id('c')]])
  })

  it('is written when the server stops, and missed where the store is away', async () => {
    const { world, writes } = await watched()
    await addDevice(world, world.bob, id('b'))
    await world.enter(world.bob, { device_id: id('b') })
    await world.mesh.close()
    expect(writes).toEqual([[id('b')]])

    const broken = createMemoryStorage()
    const seen = () => Promise.reject(new Error('away'))
    const other = await createWorld({ storage: { ...broken, devices: { ...broken.devices, seen } } })
    const client = await other.enter(other.bob, { device_id: id('b') })
    other.clock.advance(61_000)
    expect((await client.ask('system.ping', 'server', {})).type).toBe('system.pong')
  })
})
