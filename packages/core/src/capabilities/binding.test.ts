import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { createWorld, grant, join, newRtcId, sdpOf, settle, type World } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'

const id = (kind: string, letter: string) => `${kind}_${letter.repeat(22)}`

/** Offers what a capability is for and says how that went. */
async function use(from: TestClient, to: string, room_id: string, purpose: string, cap_token: string) {
  const rtc_id = newRtcId()
  const before = from.frames.length
  const media = purpose === 'call' ? 'audio' : 'application'
  from.send('rtc.offer', to, { rtc_id, room_id, purpose, sdp: sdpOf([media]), cap_token })
  await settle(from)
  return from.frames.slice(before).find(({ type }) => type === 'error')?.code ?? 'delivered'
}

describe('a token for a device with a key', () => {
  const device_id = id('dev', 'd')

  /** The token of a hello is the principal itself here. */
  async function enter(world: World, principal: object): Promise<TestClient> {
    const client = world.open()
    await client.ask('system.hello', 'server', { token: JSON.stringify(principal) })
    await join(client, world.room)
    return client
  }

  it('is bound to the key, and good in no other hands', async () => {
    const world = await createWorld({ authenticate: async ({ token = '' }) => JSON.parse(token) })
    const { ann: user_id, bob, room } = world
    const agent = { user_id, username: 'ann', device_id, device_jkt: 'thumbprint' }
    const [a, b] = [await enter(world, agent), await enter(world, { user_id: bob, username: 'bob' })]
    const token = await grant(a, room, ['call'])
    expect(decodeJwt(token)).toMatchObject({ sub: a.peer_id, cnf: { jkt: 'thumbprint' } })
    expect(await use(a, b.peer_id, room, 'call', token)).toBe('delivered')
    expect(decodeJwt(await grant(b, room, ['call']))).not.toHaveProperty('cnf')

    // The same device again, as over REST: by its id, from whichever connection proved the same key.
    const [stored, member] = [await world.storage.rooms.find(room), await world.storage.rooms.member(room, user_id)]
    if (!stored || !member) throw new Error('no room')
    const request = { room_id: room, caps: ['call'] }
    const forDevice = await world.mesh.grant(request, device_id, agent, { room: stored, member })
    for (const [device_jkt, outcome] of [
      ['thumbprint', 'delivered'],
      ['another', 'CAP_INVALID'],
      [undefined, 'CAP_INVALID'],
    ]) {
      const again = await enter(world, { ...agent, device_jkt })
      expect(await use(again, b.peer_id, room, 'call', forDevice.token)).toBe(outcome)
    }
  })
})

describe('control of a terminal', () => {
  const device_id = id('dev', 'd')
  const caps = ['terminal:control']

  it('on an own device is for everybody, whatever they are in the room', async () => {
    const world = await createWorld()
    const { room } = world
    const agents = {
      member: await world.enter(world.bob, { device_id }),
      guest: await world.enter(world.cleo, { device_id: id('dev', 'e') }),
    }
    for (const [user, agent, device] of [
      [world.bob, agents.member, device_id],
      [world.cleo, agents.guest, id('dev', 'e')],
    ] as const) {
      const browser = await world.enter(user)
      const byPeer = await grant(browser, room, caps, { target_peer_id: agent.peer_id })
      expect(await use(browser, agent.peer_id, room, 'terminal:control', byPeer)).toBe('delivered')
      const byDevice = await grant(browser, room, caps, { target_device_id: device })
      expect(await use(browser, agent.peer_id, room, 'terminal:control', byDevice)).toBe('delivered')
      expect(await use(browser, device, room, 'terminal:control', byDevice)).toBe('delivered')
    }
  })

  it("on somebody else's, or on one that is not there, is for owners", async () => {
    const world = await createWorld()
    const { room } = world
    const [agent, browser] = [await world.enter(world.ann, { device_id }), await world.enter(world.bob)]
    for (const target of [
      { target_peer_id: agent.peer_id },
      { target_device_id: device_id },
      {},
      { target_peer_id: id('peer', 'x') },
      { target_device_id: id('dev', 'x') },
    ]) {
      const asked = await browser.ask('capability.request', 'server', { room_id: room, caps, ...target })
      expect(asked.code).toBe('ACCESS_DENIED')
    }
    await world.setRole(world.bob, 'owner')
    const token = await grant(browser, room, caps, { target_peer_id: agent.peer_id })
    expect(await use(browser, agent.peer_id, room, 'terminal:control', token)).toBe('delivered')
  })

  it('on an own device opens no other capability, and outlives a policy that is against it', async () => {
    const world = await createWorld()
    const { room } = world
    const [agent, browser] = [await world.enter(world.cleo, { device_id }), await world.enter(world.cleo)]
    const target_peer_id = agent.peer_id
    const viewing = await browser.ask('capability.request', 'server', {
      room_id: room,
      caps: ['terminal:view'],
      target_peer_id,
    })
    expect(viewing.code).toBe('ACCESS_DENIED')
    const token = await grant(browser, room, caps, { target_peer_id })
    expect(await use(browser, agent.peer_id, room, 'terminal:control', token)).toBe('delivered')
    await world.setCaps({ guest: [], member: [], owner: [] })
    await settle(agent)
    expect(agent.frames.map(({ type }) => type)).not.toContain('rtc.bye')
    expect(await use(browser, agent.peer_id, room, 'terminal:control', token)).toBe('CAP_INVALID')
    const anew = await grant(browser, room, caps, { target_peer_id })
    expect(await use(browser, agent.peer_id, room, 'terminal:control', anew)).toBe('delivered')
    // With the device the right to control it goes as well.
    agent.vanish()
    expect(await use(browser, agent.peer_id, room, 'terminal:control', anew)).toBe('CAP_INVALID')
  })
})

describe('a share', () => {
  const gib = 1_073_741_824
  const shares = async (policy: object) => {
    const world = await createWorld()
    await world.mesh.rooms.update('administrator', world.room, { policy })
    const client = await world.enter(world.bob)
    return async (limits: object) => {
      const request = { room_id: world.room, caps: ['share:file'], ...limits }
      const { type, code, payload } = await client.ask('capability.request', 'server', request)
      return code ? [code, payload.reason] : type
    }
  }

  it.each([
    ['no policy', {}, { max_size: gib, max_rate: 0 }, { max_size: gib + 1 }, 'max_size'],
    ['a small size', { max_size: 10 }, { max_size: 10 }, { max_size: 11 }, 'max_size'],
    ['a large size', { max_size: gib + 1 }, { max_size: gib + 1 }, { max_size: gib + 2 }, 'max_size'],
    ['a rate', { max_rate: 10 }, { max_rate: 10 }, { max_rate: 11 }, 'max_rate'],
    ['a rate, asked for none', { max_rate: 10 }, {}, { max_rate: 0 }, 'max_rate'],
    ['any rate', { max_rate: 0 }, { max_rate: 2 ** 50 }, { max_size: 2 ** 50 }, 'max_size'],
  ])('under %s is held to it', async (_name, policy, within, beyond, reason) => {
    const ask = await shares(policy)
    expect(await ask(within)).toBe('capability.granted')
    expect(await ask(beyond)).toEqual(['ACCESS_DENIED', reason])
  })
})
