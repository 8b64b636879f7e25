import { createHmac } from 'node:crypto'
import type { MeshServerOptions } from '@mesh/server'
import { afterEach, describe, expect, it } from 'vitest'
import { enrol } from './agent.ts'
import { createRig, type Rig, type Wire } from './support.ts'

const secret = 'the secret that the relay knows as well'
const turnUrls = ['turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:5349']
const turn = { urls: ['stun:turn.example.org:3478', ...turnUrls], secret }

interface IceServer {
  urls: string[]
  username?: string
  credential?: string
}

let rig: Rig
afterEach(() => rig.close())

/** Who somebody is: a host application's token is their name here. */
interface Person {
  user_id: string
  access_token: string
}

/** A room of ana (owner), ben (member) and gil (guest), each with a peer that has joined. */
async function start(options: Partial<MeshServerOptions>) {
  rig = await createRig({
    authenticate: ({ token }) => (token === undefined ? undefined : { id: token, name: token }),
    ...options,
  })
  const open = async (name: string) => {
    const wire = await rig.open()
    const { payload } = await wire.hello(name)
    return { wire, person: { user_id: String(payload.user_id), access_token: name } satisfies Person }
  }
  const [ana, ben, gil] = [await open('ana'), await open('ben'), await open('gil')]
  const { room_id } = await rig.mesh.rooms.create(ana.person.user_id, 'Lab')
  await rig.mesh.rooms.setMember('administrator', room_id, ben.person.user_id, 'member')
  await rig.mesh.rooms.setMember('administrator', room_id, gil.person.user_id, 'guest')
  for (const { wire } of [ana, ben, gil]) await wire.ask('room.join', room_id, {})
  return { ana: ana.person, ben: ben.person, gil: gil.person, a: ana.wire, b: ben.wire, g: gil.wire, room_id }
}

async function grant(wire: Wire, room_id: string, caps: string[], more: object = {}) {
  const { payload } = await wire.ask('capability.request', 'server', { room_id, caps, ...more })
  return payload as { token: string; ice_servers?: IceServer[]; ice_expires_at?: string }
}

const renew = (cap_token: string | undefined, access_token?: string) =>
  rig.rest('POST', '/api/v1/ice-servers', { cap_token }, access_token)

describe('a capability', () => {
  it('brings credentials of ten minutes that coturn can check, the same user by the same name', async () => {
    const { ana, a, b, room_id } = await start({ turn })
    const before = Math.floor(Date.now() / 1000)
    const { ice_servers, ice_expires_at } = await grant(a, room_id, ['call'])
    const [stun, relay] = ice_servers ?? []
    expect(stun).toEqual({ urls: ['stun:turn.example.org:3478'] })
    expect(relay?.urls).toEqual(turnUrls)
    const [end = '', pseudonym] = relay?.username?.split(':') ?? []
    expect(Number(end) - before).toBeGreaterThanOrEqual(600)
    expect(Number(end) - before).toBeLessThan(610)
    expect(Date.parse(ice_expires_at ?? '')).toBe(Number(end) * 1000)
    expect(relay?.credential).toBe(
      createHmac('sha1', secret)
        .update(relay?.username ?? '')
        .digest('base64'),
    )
    expect(pseudonym).toMatch(/^[\w-]{22}$/)
    expect(ana.user_id).not.toContain(pseudonym)

    const nameOf = (granted: { ice_servers?: IceServer[] }) => granted.ice_servers?.[1]?.username?.split(':')[1]
    const again = await rig.open()
    await again.hello(ana.access_token)
    expect(nameOf(await grant(again, room_id, ['share:file', 'screen']))).toBe(pseudonym)
    expect(nameOf(await grant(b, room_id, ['call']))).not.toBe(pseudonym)
    const rest = await rig.rest(
      'POST',
      `/api/v1/rooms/${room_id}/capabilities`,
      { for: a.peer_id, caps: ['call'] },
      ana.access_token,
    )
    expect(nameOf(rest.body)).toBe(pseudonym)
  })

  it('brings them whatever it lets two peers do with each other', async () => {
    const { a, b, room_id } = await start({ turn })
    for (const cap of ['call', 'screen', 'share:file', 'share:folder', 'terminal:view', 'terminal:control']) {
      expect(await grant(a, room_id, [cap], { target_peer_id: b.peer_id })).toHaveProperty('ice_servers')
    }
  })

  it('brings none where it needs no path, and none to a guest, who still has STUN', async () => {
    const { a, g, room_id } = await start({ turn, extraCaps: ['print'] })
    expect(await grant(a, room_id, ['print'])).not.toHaveProperty('ice_servers')
    expect((await grant(g, room_id, ['call'])).ice_servers).toEqual([{ urls: ['stun:turn.example.org:3478'] }])
  })

  it('brings them to guests where the operator says so', async () => {
    const { g, room_id } = await start({ turn: { ...turn, guests: true } })
    expect((await grant(g, room_id, ['call'])).ice_servers?.[1]).toHaveProperty('credential')
  })

  it('says nothing of it where there is no such server, and nothing of an empty list', async () => {
    const { a, room_id } = await start({})
    const granted = await grant(a, room_id, ['call'])
    expect(granted).not.toHaveProperty('ice_servers')
    expect(granted).not.toHaveProperty('ice_expires_at')
  })
})

describe('fresh ones', () => {
  it('are for the user whose live capability it is', async () => {
    const { ana, ben, a, room_id } = await start({ turn })
    // From now on the version of both memberships is that of the policy.
    await rig.mesh.rooms.update('administrator', room_id, { policy: { max_rate: 1 } })
    const { token } = await grant(a, room_id, ['call'], { target_peer_id: `peer_${'x'.repeat(22)}` })
    const { status, body } = await renew(token, ana.access_token)
    expect(status).toBe(200)
    expect((body.ice_servers as IceServer[])[1]?.urls).toEqual(turnUrls)
    expect(Date.parse(String(body.expires_at))).toBeGreaterThan(Date.now() + 590_000)
    expect((await renew(token, ben.access_token)).body.code).toBe('CAP_INVALID')
    expect((await renew(token)).body.code).toBe('AUTH_REQUIRED')
    expect((await renew(`${token}x`, ana.access_token)).body.code).toBe('CAP_INVALID')
    expect((await renew(undefined, ana.access_token)).body.code).toBe('CAP_REQUIRED')
  })

  it('end with the role, the membership and the peer that the token was for', async () => {
    const { ben, gil, b, g, room_id } = await start({ turn })
    const [forBen, forGil] = [await grant(b, room_id, ['call']), await grant(g, room_id, ['call'])]
    expect((await renew(forBen.token, ben.access_token)).status).toBe(200)
    await rig.mesh.rooms.setMember('administrator', room_id, ben.user_id, 'guest')
    expect((await renew(forBen.token, ben.access_token)).body.code).toBe('CAP_INVALID')
    await rig.mesh.rooms.removeMember('administrator', room_id, ben.user_id)
    expect((await renew(forBen.token, ben.access_token)).body.code).toBe('ACCESS_DENIED')
    expect((await renew(forGil.token, gil.access_token)).status).toBe(200)
    rig.mesh.engine.disconnect({ user_id: gil.user_id })
    expect((await renew(forGil.token, gil.access_token)).body.code).toBe('CAP_INVALID')
  })

  it('are for a device of the user’s that is away, as long as it is theirs', async () => {
    rig = await createRig({ turn })
    const ana = await rig.account('ana')
    const device = await enrol(rig, ana)
    const access_token = await device.login()
    const { body: room } = await rig.rest('POST', '/api/v1/rooms', { name: 'Lab' }, ana.access_token)
    const asked = { for: device.device_id, caps: ['call'] }
    const path = `/api/v1/rooms/${String(room.room_id)}/capabilities`
    const { body } = await rig.rest('POST', path, asked, ana.access_token)
    for (const as of [ana.access_token, access_token]) {
      const fresh = await renew(String(body.token), as)
      expect((fresh.body.ice_servers as IceServer[])[1]?.urls).toEqual(turnUrls)
    }
    await rig.rest('DELETE', `/api/v1/devices/${device.device_id}`, undefined, ana.access_token)
    expect((await renew(String(body.token), ana.access_token)).body.code).toBe('CAP_INVALID')
    expect((await renew(String(body.token), access_token)).body.code).toBe('AUTH_INVALID')
  })

  it('need a capability that needs a path', async () => {
    const { ana, a, room_id } = await start({ turn, extraCaps: ['print'] })
    const { token } = await grant(a, room_id, ['print'])
    const { body } = await renew(token, ana.access_token)
    expect(body).toMatchObject({ code: 'CAP_REQUIRED', payload: { required: 'call' } })
  })

  it('come six at once, from whichever of the user’s connections', async () => {
    const { ana, ben, a, b, room_id } = await start({ turn })
    const { token } = await grant(a, room_id, ['call'])
    for (let n = 0; n < 6; n++) expect((await renew(token, ana.access_token)).status).toBe(200)
    const { status, body } = await renew(token, ana.access_token)
    expect([status, body.code]).toEqual([429, 'RATE_LIMITED'])
    const { retry_after_ms } = body.payload as { retry_after_ms: number }
    expect(retry_after_ms).toBeGreaterThan(5_000)
    expect(retry_after_ms).toBeLessThanOrEqual(10_000)
    expect((await renew((await grant(b, room_id, ['call'])).token, ben.access_token)).status).toBe(200)
  })

  it('are none where there are none, for a token that is good all the same', async () => {
    const { ana, a, room_id } = await start({})
    const { token } = await grant(a, room_id, ['call'])
    expect((await renew(token, ana.access_token)).body).toMatchObject({ ice_servers: [] })
    expect((await renew('x', ana.access_token)).body.code).toBe('CAP_INVALID')
  })
})

describe('a room for relays only', () => {
  it('says so to whoever joins', async () => {
    const { a, room_id } = await start({ turn })
    expect((await a.ask('room.join', room_id, {})).payload).not.toHaveProperty('relay_only')
    await rig.mesh.rooms.update('administrator', room_id, { policy: { relay_only: true } })
    expect((await a.ask('room.join', room_id, {})).payload).toMatchObject({ relay_only: true })
  })
})
