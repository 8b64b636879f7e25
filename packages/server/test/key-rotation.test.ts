import { createPublicKey } from 'node:crypto'
import { publicKeysFrom, verifySessionToken } from '@mesh/core/tokens'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRig, sdp, type Account, type Rig, type Wire } from './support.ts'

let rig: Rig
let people: Account[]
let room: string

beforeAll(async () => {
  // How often one may call is not what is tried here.
  const often = { burst: 1_000, per_s: 1_000 }
  rig = await createRig({
    limits: { frames: often, classes: { sdp: often, capability: often, p2p: often, other: often } },
  })
  people = []
  for (const name of ['ann', 'bob', 'cid', 'dan']) people.push(await rig.account(name))
  const [ann, ...others] = people as [Account, ...Account[]]
  const { body } = await rig.rest('POST', '/api/v1/rooms', { name: 'Lab' }, ann.access_token)
  room = String(body.room_id)
  for (const { user_id } of others) {
    await rig.rest('PUT', `/api/v1/rooms/${room}/members/${user_id}`, { role: 'member' }, ann.access_token)
  }
})
afterAll(() => rig.close())

const kidOf = (token: string) =>
  String((JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()) as { kid: string }).kid)
const jwks = async () => (await rig.rest('GET', '/.well-known/jwks.json')).body as { keys: { kid: string }[] }

async function enter(token: string): Promise<Wire> {
  const wire = await rig.open()
  expect((await wire.hello(token)).type).toBe('system.welcome')
  expect((await wire.ask('room.join', room, {})).type).toBe('room.joined')
  return wire
}

async function capability(wire: Wire, cap: string): Promise<string> {
  const granted = await wire.ask('capability.request', 'server', { room_id: room, caps: [cap] })
  return String(granted.payload.token)
}

/** What becomes of an offer to the other one with this token. */
async function offer(from: Wire, to: Wire, cap_token: string): Promise<string> {
  const rtc_id = `rtc_${crypto.randomUUID().replaceAll('-', '')}`
  const id = from.send('rtc.offer', to.peer_id, { rtc_id, room_id: room, purpose: 'call', sdp: sdp(), cap_token })
  const answer = await Promise.race([
    from.next((frame) => frame.reply_to === id),
    to.next((frame) => frame.type === 'rtc.offer' && frame.payload.rtc_id === rtc_id),
  ])
  from.send('rtc.bye', to.peer_id, { rtc_id, reason: 'hangup' })
  return answer.code ?? answer.type
}

async function agree(from: Wire, to: Wire): Promise<string> {
  const end = (letter: string) => ({
    candidates: [{ host: '192.0.2.1', port: 4433, type: 'host' }],
    fingerprint: `sha-256 ${Array(32).fill(`${letter}0`).join(':')}`,
  })
  const cap_token = await capability(from, 'share:file')
  from.send('p2p.session.request', to.peer_id, { room_id: room, purpose: 'share:file', cap_token, ...end('A') })
  const { session_id } = (await to.next('p2p.session.request')).payload
  const created = await to.ask('p2p.session.accept', 'server', { session_id, ...end('B') })
  return String(created.payload.session_token)
}

const isGood = async (session_token: string) =>
  (await verifySessionToken(session_token, {
    keys: await publicKeysFrom(await jwks()),
    issuer: rig.mesh.issuer,
    now: Date.now(),
  })) !== undefined

describe('rotation under load', { timeout: 30_000 }, () => {
  it('of 20 keys refuses no valid token, over REST and WebSocket, old or new', async () => {
    const [ann, bob] = people as [Account, Account]
    const [a, b] = [await enter(ann.access_token), await enter(bob.access_token)]
    const first = { capability: await capability(a, 'call'), session: await agree(a, b) }
    let rotating = true
    let uses = 0
    const signedBy = new Set<string>()

    async function use(person: Account): Promise<void> {
      const tokens = [person.access_token]
      let { refresh_token } = person
      while (rotating) {
        const fresh = await rig.rest('POST', '/api/v1/auth/refresh', { refresh_token })
        expect(fresh.status).toBe(200)
        refresh_token = String(fresh.body.refresh_token)
        tokens.push(String(fresh.body.access_token))
        signedBy.add(kidOf(tokens.at(-1) ?? ''))
        // The newest, the very first, and one of between: signed by keys that have rotated out since.
        for (const token of [tokens.at(-1), tokens[0], tokens[Math.floor(tokens.length / 2)]]) {
          expect((await rig.rest('GET', '/api/v1/me', undefined, token)).status).toBe(200)
          const wire = await rig.open()
          expect((await wire.hello(token)).type).toBe('system.welcome')
          wire.socket.close()
          uses += 2
        }
      }
    }

    async function call(): Promise<void> {
      for (const kept: string[] = [first.capability]; rotating;) {
        kept.push(await capability(a, 'call'))
        for (const token of [kept.at(-1) ?? '', first.capability]) {
          expect(await offer(a, b, token)).toBe('rtc.offer')
          uses += 1
        }
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }

    const clients = Promise.all([...people.map(use), call()])
    for (let i = 0; i < 20; i++) {
      await rig.mesh.keys.rotate({ force: true })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    rotating = false
    await clients
    expect(signedBy.size).toBeGreaterThan(10)
    expect(uses).toBeGreaterThan(100)
    expect((await jwks()).keys).toHaveLength(22)
    const noted = await rig.mesh.storage.audit.list({ limit: 100, action: 'key.rotate' })
    expect(noted.map(({ kid }) => kid)).toContain(rig.mesh.keys.capability.jwks.keys[0]?.kid)
    expect(noted).toHaveLength(2 * 20)
    expect(new Set(noted.map(({ actor }) => actor))).toEqual(new Set(['administrator']))
    expect(await isGood(first.session)).toBe(true)
    for (const wire of [a, b]) wire.socket.close()
  })
})

describe('after a key was revoked', () => {
  it('no access token of it is accepted: at hello, in REST, on an open socket; the login goes on', async () => {
    const { access_token: token, refresh_token } = await rig.login('cid')
    const wire = await enter(token)
    await rig.mesh.keys.revoke(kidOf(token))
    expect(await wire.closed).toBe(4101)
    expect((await rig.rest('GET', '/api/v1/me', undefined, token)).body).toMatchObject({ code: 'AUTH_INVALID' })
    const late = await rig.open()
    expect(await late.hello(token)).toMatchObject({ type: 'error', code: 'AUTH_INVALID' })
    expect(await late.closed).toBe(4100)
    const fresh = await rig.rest('POST', '/api/v1/auth/refresh', { refresh_token })
    expect(fresh.status).toBe(200)
    ;(await enter(String(fresh.body.access_token))).socket.close()
  })

  it('no capability token of it is, used before or not; nor by agents a session token, once they ask for the keys', async () => {
    const { access_token } = await rig.login('ann')
    const a = await enter(access_token)
    const b = await enter(access_token)
    const [used, kept] = [await capability(a, 'call'), await capability(a, 'call')]
    const session = await agree(a, b)
    expect(await offer(a, b, used)).toBe('rtc.offer')
    expect(await isGood(session)).toBe(true)
    await rig.mesh.keys.revoke(kidOf(used))
    expect(await offer(a, b, used)).toBe('CAP_INVALID')
    expect(await offer(a, b, kept)).toBe('CAP_INVALID')
    expect(await isGood(session)).toBe(false)
    for (const wire of [a, b]) {
      expect((await wire.next('p2p.session.closed')).payload).toMatchObject({ reason: 'revoked' })
    }
    expect(await offer(a, b, await capability(a, 'call'))).toBe('rtc.offer')
    expect(a.socket.readyState).toBe(a.socket.OPEN)
  })
})

describe('the JWKS', () => {
  it('has public keys that sign what agents check, and may be kept for 10 minutes', async () => {
    const get = (headers = {}) => fetch(`${rig.base}/.well-known/jwks.json`, { headers })
    const response = await get()
    expect(response.headers.get('cache-control')).toBe('public, max-age=600')
    const etag = response.headers.get('etag') ?? ''
    expect((await get({ 'if-none-match': etag })).status).toBe(304)
    const shown = ((await response.json()) as typeof rig.mesh.keys.access.jwks).keys
    const access = rig.mesh.keys.access.jwks.keys.map(({ kid }) => kid)
    expect(access).toHaveLength(2 + 20)
    for (const key of shown) {
      expect(access).not.toContain(key.kid)
      expect(key).not.toHaveProperty('d')
      createPublicKey({ key: { ...key }, format: 'jwk' })
    }
    await rig.mesh.keys.rotate({ force: true })
    expect((await get({ 'if-none-match': etag })).status).toBe(200)
  })
})
