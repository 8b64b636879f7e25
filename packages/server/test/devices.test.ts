import { generateKeyPairSync } from 'node:crypto'
import { issueAssertion, randomIds, thumbprintOf } from '@mesh/core'
import Database from 'better-sqlite3'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enrol } from './agent.ts'
import { createRig, sdp, type Account, type Rig, type Wire } from './support.ts'

let rig: Rig
let ana: Account
let ben: Account
let root: Account

const call = (method: string, path: string, as?: string, body?: object) => rig.rest(method, `/api/v1${path}`, body, as)
const login = (assertion: string) => call('POST', '/auth/device', undefined, { assertion })

beforeAll(async () => {
  rig = await createRig()
  ana = await rig.account('ana')
  ben = await rig.account('ben')
  root = await rig.account('root')
  await rig.mesh.accounts.update(root.user_id, { admin: true })
})

afterAll(() => rig.close())

const freshJwk = () => generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const codeFor = async (account: Account) =>
  String((await call('POST', '/devices/enrolments', account.access_token)).body.code)

describe('enrolment', () => {
  it('adds the device that has the code, whichever way that was typed, and only once', async () => {
    const asked = await call('POST', '/devices/enrolments', ana.access_token)
    expect(asked.body.code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}(-[BCDFGHJKLMNPQRSTVWXZ]{4}){3}$/)
    const left = Date.parse(String(asked.body.expires_at)) - Date.now()
    expect(left).toBeGreaterThan(590_000)
    expect(left).toBeLessThanOrEqual(600_000)

    const code = String(asked.body.code).toLowerCase().replaceAll('-', ' ')
    const request = { code, name: ' printer ', public_jwk: freshJwk() }
    const enrolled = await call('POST', '/devices/enrol', undefined, request)
    expect(enrolled.status).toBe(201)
    expect(enrolled.body).toMatchObject({ user_id: ana.user_id, name: 'printer', last_seen: null })
    const life = Date.parse(String(enrolled.body.expires_at)) - Date.parse(String(enrolled.body.created_at))
    expect(life).toBe(180 * 24 * 3600 * 1000)
    expect((await call('POST', '/devices/enrol', undefined, request)).body.code).toBe('AUTH_INVALID')
    expect((await rig.mesh.storage.devices.list({ user_id: ana.user_id, limit: 9 })).map(({ name }) => name)).toEqual([
      'printer',
    ])
  })

  it('refuses a code that is not there, and keys that are none, before it uses up the code', async () => {
    const code = await codeFor(ana)
    const jwk = freshJwk()
    const privateJwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const unfit = {
      'of another curve': generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }),
      'of another kind': generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
      private: privateJwk,
      short: { ...jwk, x: String(jwk.x).slice(1) },
      'in another spelling': { ...jwk, x: `${String(jwk.x).slice(0, -1)}B` },
      nothing: {},
    }
    for (const [what, public_jwk] of Object.entries(unfit)) {
      const { body } = await call('POST', '/devices/enrol', undefined, { code, name: 'x', public_jwk })
      expect(body.code, what).toBe('BAD_MESSAGE')
      expect(JSON.stringify(body), 'an error echoes nothing').not.toContain(privateJwk.d)
    }
    const named = await call('POST', '/devices/enrol', undefined, { code, name: '\u202ex', public_jwk: jwk })
    expect(named.body.code).toBe('BAD_MESSAGE')
    const wrong = { code: 'BBBB-BBBB-BBBB-BBBB', name: 'x', public_jwk: jwk }
    expect((await call('POST', '/devices/enrol', undefined, wrong)).body.code).toBe('AUTH_INVALID')
    const good = await call('POST', '/devices/enrol', undefined, { code, name: 'x', public_jwk: jwk })
    expect(good.status).toBe(201)
  })

  it('is not for whoever has no account, nor for a device', async () => {
    expect((await call('POST', '/devices/enrolments')).body.code).toBe('AUTH_REQUIRED')
    const device = await enrol(rig, ana)
    expect((await call('POST', '/devices/enrolments', await device.login())).body.code).toBe('ACCESS_DENIED')
  })

  it('keeps the code as a hash alone', async () => {
    const code = await codeFor(ana)
    const database = new Database(`${rig.dataDir}/mesh.db`, { readonly: true })
    const stored = JSON.stringify(database.prepare('select * from mesh_enrolment').all())
    database.close()
    expect(stored).toContain('code_hash')
    for (const text of [code, code.replaceAll('-', '')]) expect(stored).not.toContain(text)
  })
})

describe('an assertion', () => {
  it('is good for one access token, which says which device it is', async () => {
    const device = await enrol(rig, ana)
    const assertion = await device.assertion()
    const { status, body } = await login(assertion)
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', device_id: device.device_id, user_id: ana.user_id },
    })
    expect(decodeJwt(String(body.access_token))).toMatchObject({ sub: ana.user_id, device_id: device.device_id })
    expect((await login(assertion)).body.code).toBe('AUTH_INVALID')
    expect((await login(await device.assertion())).status).toBe(200)
  })

  it('that comes ten times at once is good once', async () => {
    const device = await enrol(rig, ana)
    const assertion = await device.assertion()
    const answers = await Promise.all(Array.from({ length: 10 }, () => login(assertion)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('of an unknown device, of another key, too old or from the future is refused', async () => {
    const [device, other] = [await enrol(rig, ana), await enrol(rig, ana)]
    const codeOf = async (assertion: string) => (await login(assertion)).body.code
    const signed = async (change: object) => {
      const sound = { device_id: device.device_id, issuer: rig.mesh.issuer, jti: randomIds.uuid(), now: Date.now() }
      return issueAssertion(device.ring, { ...sound, ...change })
    }
    expect(await codeOf(await signed({ device_id: randomIds.id('dev') }))).toBe('AUTH_INVALID')
    expect(await codeOf(await signed({ device_id: other.device_id }))).toBe('AUTH_INVALID')
    expect(await codeOf(await signed({ issuer: 'https://elsewhere.example' }))).toBe('AUTH_INVALID')
    expect(await codeOf(await signed({ now: Date.now() + 30_000 }))).toBe('AUTH_INVALID')
    expect(await codeOf(await signed({ now: Date.now() - 90_000 }))).toBe('AUTH_EXPIRED')
    expect(await codeOf(await signed({ now: Date.now() - 40_000 }))).toBeUndefined()
  })

  it('may not come more often than anybody needs', async () => {
    const device = await enrol(rig, ana)
    const codes: unknown[] = []
    for (let n = 0; n < 66; n++) codes.push((await login(await device.assertion())).body.code)
    expect(codes.indexOf('RATE_LIMITED')).toBe(64)
  })
})

describe('the token of a device', () => {
  it('opens a socket of that device, whose capabilities are bound to its key', async () => {
    const device = await enrol(rig, ana)
    const room_id = String((await call('POST', '/rooms', ana.access_token, { name: 'Lab' })).body.room_id)
    const token = await device.login()
    const wire = await rig.open()
    const welcome = await wire.hello(token)
    expect(welcome.payload).toMatchObject({ user_id: ana.user_id, device_id: device.device_id })
    const granted = await wire.ask('capability.request', 'server', { room_id, caps: ['share:file'] })
    const { keys } = device.ring.jwks
    expect(decodeJwt(String(granted.payload.token))).toMatchObject({ cnf: { jkt: keys[0]?.kid } })
    // The same device signs again; another one of the same user does not take its place.
    expect((await wire.ask('system.token.refresh', 'server', { token: await device.login() })).type).toBe(
      'system.token.refreshed',
    )
    const other = await enrol(rig, ana)
    wire.send('system.token.refresh', 'server', { token: await other.login() })
    expect(await wire.closed).toBe(4100)
  })

  it('asks for capabilities for itself and its peers, connected or not; its user for every device of theirs', async () => {
    const [own, other] = [await enrol(rig, ana), await enrol(rig, ana)]
    const room_id = String((await call('POST', '/rooms', ana.access_token, { name: 'Lab' })).body.room_id)
    const wires = [await own.connect(), await other.connect(), await rig.open()] as const
    await wires[2].hello(ana.access_token)
    const ask = (id: string, as: string) =>
      call('POST', `/rooms/${room_id}/capabilities`, as, { for: id, caps: ['share:file'] })
    const token = await own.login()
    for (const id of [own.device_id, wires[0].peer_id]) expect((await ask(id, token)).status).toBe(201)
    for (const id of [other.device_id, wires[1].peer_id, wires[2].peer_id, randomIds.id('dev')])
      expect((await ask(id, token)).body.code).toBe('NOT_FOUND')
    for (const id of [own.device_id, other.device_id]) expect((await ask(id, ana.access_token)).status).toBe(201)
    for (const wire of wires) wire.socket.close()
    await Promise.all(wires.map(({ closed }) => closed))

    const away = await enrol(rig, ana)
    const { status, body } = await ask(away.device_id, ana.access_token)
    expect(status).toBe(201)
    const [key] = away.ring.jwks.keys
    expect(decodeJwt(String(body.token))).toMatchObject({ sub: away.device_id, cnf: { jkt: key?.kid } })
    expect((await ask(away.device_id, token)).body.code).toBe('NOT_FOUND')
    await call('PUT', `/rooms/${room_id}/members/${ben.user_id}`, ana.access_token, { role: 'member' })
    expect((await ask(away.device_id, ben.access_token)).body.code).toBe('NOT_FOUND')

    // The token is for that device alone, which has what it was given before it came.
    const person = await rig.open()
    await person.hello(ben.access_token)
    const offer = async (from: Wire) => {
      await from.ask('room.join', room_id, {})
      const rtc_id = randomIds.id('rtc')
      const payload = { rtc_id, room_id, purpose: 'share:file', sdp: sdp('application'), cap_token: body.token }
      const id = from.send('rtc.offer', person.peer_id, payload)
      await from.ask('system.ping', 'server', {})
      return from.frames.find((frame) => frame.reply_to === id)?.code ?? 'delivered'
    }
    await person.ask('room.join', room_id, {})
    expect(await offer(await other.connect())).toBe('CAP_INVALID')
    expect(await offer(await away.connect())).toBe('delivered')
  })

  it('sees and removes itself alone, and administers nothing', async () => {
    const [device, other] = [await enrol(rig, root), await enrol(rig, root)]
    const token = await device.login()
    const { body } = await call('GET', '/devices', token)
    expect((body.data as { device_id: string }[]).map(({ device_id }) => device_id)).toEqual([device.device_id])
    expect((await call('DELETE', `/devices/${other.device_id}`, token)).body.code).toBe('NOT_FOUND')
    expect((await call('GET', '/users', token)).body.code).toBe('ACCESS_DENIED')
    expect((await call('GET', `/devices?user_id=${ana.user_id}`, token)).body.code).toBe('ACCESS_DENIED')
    expect((await call('DELETE', `/devices/${device.device_id}`, token)).status).toBe(204)
    expect((await call('GET', '/me', token)).body.code).toBe('AUTH_INVALID')
  })
})

describe('the list of devices', () => {
  it('is for their user and for administrators, page by page', async () => {
    const cleo = await rig.account('cleo')
    const devices = [await enrol(rig, cleo, 'one'), await enrol(rig, cleo, 'two')]
    const ids = devices.map(({ device_id }) => device_id).toSorted()
    const list = async (query: string, as: Account) => (await call('GET', `/devices${query}`, as.access_token)).body
    expect(await list('?limit=1', cleo)).toMatchObject({ data: [{ device_id: ids[0] }], next: ids[0] })
    expect(await list(`?after=${ids[0]}`, cleo)).toMatchObject({ data: [{ device_id: ids[1] }] })
    expect(await list(`?user_id=${cleo.user_id}`, root)).toMatchObject({ data: [{}, {}] })
    expect(await list(`?user_id=${cleo.user_id}`, ben)).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(((await list('', ben)) as { data: unknown[] }).data).toEqual([])
  })

  it('says when a device was last seen', async () => {
    const device = await enrol(rig, ben)
    const lastSeen = async () => {
      const { data } = (await call('GET', '/devices', ben.access_token)).body as {
        data: { last_seen: string | null }[]
      }
      return data[0]?.last_seen
    }
    expect(await lastSeen()).toBeNull()
    const wire = await device.connect()
    const came = Date.parse(String(await lastSeen()))
    expect(Date.now() - came).toBeLessThan(2_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const left = Date.now()
    wire.socket.close()
    await expect.poll(async () => Date.parse(String(await lastSeen())), { timeout: 5_000 }).toBeGreaterThanOrEqual(left)
  })
})

describe('revocation', () => {
  it('ends sockets, calls and tokens of the device at once, and nothing else', async () => {
    const [device, other] = [await enrol(rig, ana), await enrol(rig, ana)]
    const room_id = String((await call('POST', '/rooms', ana.access_token, { name: 'Lab' })).body.room_id)
    await call('PUT', `/rooms/${room_id}/members/${ben.user_id}`, ana.access_token, { role: 'member' })
    const [gone, stays, person] = [await device.connect(), await other.connect(), await rig.open()]
    await person.hello(ben.access_token)
    for (const wire of [gone, stays, person]) await wire.ask('room.join', room_id, {})
    const token = await device.login()
    const { payload } = await gone.ask('capability.request', 'server', { room_id, caps: ['call'] })
    const rtc_id = `rtc_${'r'.repeat(22)}`
    const offer = { rtc_id, room_id, purpose: 'call', sdp: sdp(), cap_token: payload.token }
    gone.send('rtc.offer', person.peer_id, offer)
    await person.next('rtc.offer')

    expect((await call('DELETE', `/devices/${device.device_id}`, ben.access_token)).body.code).toBe('NOT_FOUND')
    const started = Date.now()
    expect((await call('DELETE', `/devices/${device.device_id}`, ana.access_token)).status).toBe(204)
    expect(await gone.closed).toBe(4101)
    expect((await person.next('rtc.bye')).payload).toMatchObject({ rtc_id, reason: 'revoked' })
    expect(Date.now() - started).toBeLessThan(1_000)

    expect((await call('GET', '/me', token)).body.code).toBe('AUTH_INVALID')
    expect((await login(await device.assertion())).body.code).toBe('AUTH_INVALID')
    const again = await rig.open()
    expect((await again.hello(token)).code).toBe('AUTH_INVALID')
    expect((await call('DELETE', `/devices/${device.device_id}`, ana.access_token)).body.code).toBe('NOT_FOUND')
    expect((await stays.ask('system.ping', 'server', {})).type).toBe('system.pong')
    expect((await login(await other.assertion())).status).toBe(200)
  })

  it('comes with the host’s word about a user or a device', async () => {
    const finn = await rig.account('finn')
    const devices = [await enrol(rig, finn), await enrol(rig, finn)] as const
    const wires = [await devices[0].connect(), await devices[1].connect()] as const
    await rig.mesh.revoke({ deviceId: devices[0].device_id })
    expect(await wires[0].closed).toBe(4101)
    expect((await wires[1].ask('system.ping', 'server', {})).type).toBe('system.pong')
    await rig.mesh.revoke({ userId: finn.user_id })
    expect(await wires[1].closed).toBe(4101)
    for (const device of devices) expect((await login(await device.assertion())).body.code).toBe('AUTH_INVALID')
  })

  it('comes with disabling and deleting the user', async () => {
    const dora = await rig.account('dora')
    const device = await enrol(rig, dora)
    const code = await codeFor(dora)
    const wire = await device.connect()
    await call('PATCH', `/users/${dora.user_id}`, root.access_token, { disabled: true })
    expect(await wire.closed).toBe(4101)
    expect((await login(await device.assertion())).body.code).toBe('AUTH_INVALID')
    const request = { code, name: 'x', public_jwk: freshJwk() }
    expect((await call('POST', '/devices/enrol', undefined, request)).body.code).toBe('AUTH_INVALID')
    await call('PATCH', `/users/${dora.user_id}`, root.access_token, { disabled: false })
    const back = await device.connect()
    await call('DELETE', `/users/${dora.user_id}`, root.access_token)
    expect(await back.closed).toBe(4101)
    expect(await rig.mesh.storage.devices.find(device.device_id)).toBeUndefined()
    expect((await call('POST', '/devices/enrol', undefined, request)).body.code).toBe('AUTH_INVALID')
  })
})

describe('a key', () => {
  it('ends after its time: no token, no socket, no capability', async () => {
    const short = await createRig({ limits: { device_key_life_s: 3 } })
    try {
      const eve = await short.account('eve')
      const device = await enrol(short, eve)
      const token = await device.login()
      const wire = await device.connect()
      await new Promise((resolve) => setTimeout(resolve, 3_100))
      expect((await wire.ask('room.join', `room_${'x'.repeat(22)}`, {})).code).toBe('AUTH_EXPIRED')
      expect((await short.rest('GET', '/api/v1/me', undefined, token)).body.code).toBe('AUTH_INVALID')
      const { body } = await short.rest('POST', '/api/v1/auth/device', { assertion: await device.assertion() })
      expect(body.code).toBe('AUTH_INVALID')
      const listed = await short.rest('GET', '/api/v1/devices', undefined, eve.access_token)
      expect(listed.body.data).toMatchObject([{ device_id: device.device_id }])
    } finally {
      await short.close()
    }
  })

  it('is listed by its thumbprint', async () => {
    const jwk = freshJwk()
    const code = await codeFor(ana)
    const { body } = await call('POST', '/devices/enrol', undefined, { code, name: 'x', public_jwk: jwk })
    expect(body.jkt).toBe(await thumbprintOf(String(jwk.x)))
  })
})

describe('as many as may be', () => {
  it('codes and assertions that are none come from one address', async () => {
    const rate = { burst: 1, per_s: 0.001 }
    const small = await createRig({ limits: { attempts: { enrol: rate, assertion: rate } } })
    try {
      const codes = async (path: string, body: object) => {
        const twice = [
          await small.rest('POST', `/api/v1${path}`, body),
          await small.rest('POST', `/api/v1${path}`, body),
        ]
        return twice.map((answer) => answer.body.code)
      }
      const refused = ['AUTH_INVALID', 'RATE_LIMITED']
      expect(await codes('/auth/device', { assertion: 'a.b.c' })).toEqual(refused)
      expect(await codes('/devices/enrol', { code: 'BBBB', name: 'x', public_jwk: freshJwk() })).toEqual(refused)
    } finally {
      await small.close()
    }
  })

  it('codes wait, and devices there are', async () => {
    const small = await createRig({ limits: { devices_per_user: 1, enrolments_per_user: 2 } })
    try {
      const eve = await small.account('eve')
      await enrol(small, eve)
      await expect(enrol(small, eve)).rejects.toThrow('CONFLICT')
      await small.rest('POST', '/api/v1/devices/enrolments', undefined, eve.access_token)
      const { body } = await small.rest('POST', '/api/v1/devices/enrolments', undefined, eve.access_token)
      expect(body.code).toBe('RATE_LIMITED')
    } finally {
      await small.close()
    }
  })
})
