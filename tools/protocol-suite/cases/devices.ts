import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { base64url, decodeJwt, exportJWK } from 'jose'
import { rule, type Case } from '../case.ts'
import type { User } from '../users.ts'
import { closes, denied, has, id, refused, type World } from '../world.ts'

/** A device as an agent has it. */
interface Device {
  readonly device_id: string
  readonly key: KeyObject
}

const encode = (value: object) => base64url.encode(JSON.stringify(value))

/** A code of a user's. */
async function codeOf(t: World, user: User): Promise<string> {
  const { status, body } = await t.api(user, 'POST', '/devices/enrolments')
  assert.ok(status < 300, `a code: ${JSON.stringify(body)}`)
  const left = Date.parse(String(body.expires_at)) - Date.now()
  assert.ok(left > 0 && left <= 601_000, 'a code is good for at most ten minutes')
  return String(body.code)
}

async function enrol(t: World, user: User): Promise<Device> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const request = { code: await codeOf(t, user), name: 'an agent', public_jwk: await exportJWK(publicKey) }
  const { status, body } = await t.api(undefined, 'POST', '/devices/enrol', request)
  assert.ok(status < 300, `an enrolment: ${JSON.stringify(body)}`)
  has(body, { device_id: id('dev'), user_id: user.user_id, name: 'an agent' })
  return { device_id: String(body.device_id), key: privateKey }
}

/** A sound assertion, but for what is changed about it. */
function assertion(t: World, { device_id, key }: Device, change: { header?: object; claims?: object } = {}): string {
  const iat = Math.floor(Date.now() / 1000)
  const header = { alg: 'EdDSA', typ: 'mesh-assertion+jwt', ...change.header }
  const claims = { iss: device_id, sub: device_id, aud: t.issuer, iat, exp: iat + 60, jti: randomUUID() }
  const data = `${encode(header)}.${encode({ ...claims, ...change.claims })}`
  return `${data}.${sign(null, Buffer.from(data), key).toString('base64url')}`
}

const login = (t: World, signed: string) => t.api(undefined, 'POST', '/auth/device', { assertion: signed })

/** The access token of a device. */
async function tokenOf(t: World, device: Device): Promise<string> {
  const { status, body } = await login(t, assertion(t, device))
  assert.equal(status, 200, `a token for a sound assertion: ${JSON.stringify(body)}`)
  return String(body.access_token)
}

async function connect(t: World, device: Device) {
  const wire = await t.open()
  const welcome = await wire.ask('system.hello', 'server', { token: await tokenOf(t, device) })
  assert.equal(welcome.type, 'system.welcome', JSON.stringify(welcome))
  has(welcome.payload, { device_id: device.device_id })
  return wire
}

/** Agents: devices with a key of their own. */
export const devices: readonly Case[] = [
  rule('devices.enrolment', '§11', 'A code adds one device to its user’s, and is good once', async (t) => {
    const [user] = await t.people(1)
    const code = await codeOf(t, user!)
    const public_jwk = await exportJWK(generateKeyPairSync('ed25519').publicKey)
    const request = { code, name: 'an agent', public_jwk }
    assert.ok((await t.api(undefined, 'POST', '/devices/enrol', request)).status < 300)
    assert.ok((await t.api(undefined, 'POST', '/devices/enrol', request)).status >= 400, 'the code again')
    const { body } = await t.api(user, 'GET', '/devices')
    assert.equal((body.data as object[]).length, 1, 'one device')
  }),

  rule(
    'devices.enrolment-key',
    '§11',
    'Only an Ed25519 public key is enrolled; a refusal leaves the code good',
    async (t) => {
      const [user] = await t.people(1)
      const code = await codeOf(t, user!)
      const keys = generateKeyPairSync('ed25519')
      const other = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
      for (const public_jwk of [other, await exportJWK(keys.privateKey), {}]) {
        denied(await t.api(undefined, 'POST', '/devices/enrol', { code, name: 'x', public_jwk }), 400, 'BAD_MESSAGE')
      }
      const public_jwk = await exportJWK(keys.publicKey)
      assert.ok((await t.api(undefined, 'POST', '/devices/enrol', { code, name: 'x', public_jwk })).status < 300)
    },
  ),

  rule('devices.assertion', '§13', 'A sound assertion is good for one access token of that device', async (t) => {
    const [user] = await t.people(1)
    const device = await enrol(t, user!)
    const signed = assertion(t, device)
    const first = await login(t, signed)
    assert.equal(first.status, 200, JSON.stringify(first.body))
    denied(await login(t, signed), 401, 'AUTH_INVALID')
    await connect(t, device)
  }),

  rule(
    'devices.assertion-refused',
    '§13',
    'Every assertion with one thing wrong is refused, its twin is good',
    async (t) => {
      const [user] = await t.people(1)
      const [device, other] = [await enrol(t, user!), await enrol(t, user!)]
      const now = Math.floor(Date.now() / 1000)
      const wrong: Record<string, { header?: object; claims?: object }> = {
        'another audience': { claims: { aud: 'https://elsewhere.example' } },
        'another issuer': { claims: { iss: other.device_id } },
        'another subject': { claims: { sub: other.device_id } },
        'another device altogether': { claims: { iss: other.device_id, sub: other.device_id } },
        'a life of more than 60 s': { claims: { exp: now + 3_600 } },
        'no exp': { claims: { exp: undefined } },
        'no iat': { claims: { iat: undefined } },
        'no jti': { claims: { jti: undefined } },
        'a start in the future': { claims: { iat: now + 300, exp: now + 360 } },
        'an end in the past': { claims: { iat: now - 300, exp: now - 240 } },
        'another typ': { header: { typ: 'JWT' } },
        'no typ': { header: { typ: undefined } },
        'alg none': { header: { alg: 'none' } },
        'alg HS256': { header: { alg: 'HS256' } },
        'a jwk in the header': { header: { jwk: await exportJWK(generateKeyPairSync('ed25519').publicKey) } },
        'a crit in the header': { header: { crit: ['exp'] } },
      }
      for (const [what, change] of Object.entries(wrong)) {
        const { status } = await login(t, assertion(t, device, change))
        assert.equal(status, 401, `with ${what}`)
        assert.equal((await login(t, assertion(t, device))).status, 200, `the twin of that with ${what}`)
      }
      const forged = { ...device, key: generateKeyPairSync('ed25519').privateKey }
      denied(await login(t, assertion(t, forged)), 401, 'AUTH_INVALID')
    },
  ),

  rule(
    'devices.capability',
    '§6',
    'A device’s capability is bound to its key, and it asks for itself alone',
    async (t) => {
      const [user] = await t.people(1)
      const room = await t.room(user!)
      const [device, other] = [await enrol(t, user!), await enrol(t, user!)]
      const wire = await connect(t, device)
      const claims = decodeJwt(await t.grant(wire, room, ['share:file']))
      assert.match(String((claims.cnf as { jkt?: string } | undefined)?.jkt), /^[\w-]{43}$/, 'cnf.jkt')
      const ask = (as: { token: string }, of: string) =>
        t.api(as, 'POST', `/rooms/${room}/capabilities`, { for: of, caps: ['share:file'] })
      const own = { token: await tokenOf(t, device) }
      assert.ok((await ask(own, device.device_id)).status < 300, 'itself')
      assert.ok((await ask(own, other.device_id)).status >= 400, 'another device of its user')
      assert.ok((await ask(user!, other.device_id)).status < 300, 'its user, for a device that is away')
    },
  ),

  rule('devices.away', '§6', 'A device that is away may be a target, and is UNROUTABLE', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const device = await enrol(t, users[1]!)
    const target_device_id = device.device_id
    const cap_token = await t.grant(peers[1]!, room, ['terminal:control'], { target_device_id })
    const payload = { room_id: room, purpose: 'terminal:control', cap_token, candidates: [] }
    const fingerprint = `sha-256 ${Array(32).fill('AB').join(':')}`
    const asked = await peers[1]!.ask('p2p.session.request', target_device_id, { ...payload, fingerprint })
    refused(asked, 'UNROUTABLE')
    const others = await peers[0]!.ask('capability.request', 'server', {
      room_id: room,
      caps: ['call'],
      target_device_id,
    })
    assert.equal(others.type, 'capability.granted', JSON.stringify(others))
  }),

  rule('devices.revocation', '§11', 'A device that is removed is out at once, with its tokens', async (t) => {
    const [user, stranger] = await t.people(2)
    const device = await enrol(t, user!)
    const wire = await connect(t, device)
    const token = await tokenOf(t, device)
    denied(await t.api(stranger, 'DELETE', `/devices/${device.device_id}`), 404, 'NOT_FOUND')
    assert.equal((await t.api(user, 'DELETE', `/devices/${device.device_id}`)).status, 204)
    await closes(wire, 4101)
    denied(await t.api({ token }, 'GET', '/me'), 401, 'AUTH_INVALID')
    denied(await login(t, assertion(t, device)), 401, 'AUTH_INVALID')
    const late = await t.open()
    refused(await late.ask('system.hello', 'server', { token }), 'AUTH_INVALID')
  }),
]
