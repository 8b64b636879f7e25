import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRig, type Account, type Rig } from './support.ts'

let rig: Rig
let ann: Account
let bob: Account
let eve: Account
const password = 'correct horse battery staple'

beforeAll(async () => {
  rig = await createRig()
  ann = await rig.account('ann')
  bob = await rig.account('bob')
  eve = await rig.account('eve')
})

afterAll(() => rig.close())

const as = (account: Account) => ({
  get: (path: string) => rig.rest('GET', `/api/v1${path}`, undefined, account.access_token),
  post: (path: string, body: object) => rig.rest('POST', `/api/v1${path}`, body, account.access_token),
  put: (path: string, body: object) => rig.rest('PUT', `/api/v1${path}`, body, account.access_token),
  patch: (path: string, body: object) => rig.rest('PATCH', `/api/v1${path}`, body, account.access_token),
  delete: (path: string) => rig.rest('DELETE', `/api/v1${path}`, undefined, account.access_token),
})

async function roomOf(owner: Account, members: Record<string, string> = {}): Promise<string> {
  const { body } = await as(owner).post('/rooms', { name: 'Lab' })
  for (const [user_id, role] of Object.entries(members)) {
    expect((await as(owner).put(`/rooms/${String(body.room_id)}/members/${user_id}`, { role })).status).toBe(200)
  }
  return String(body.room_id)
}

describe('login', () => {
  it('hands out tokens, and tells a wrong password and an unknown name apart in nothing', async () => {
    const { status, body } = await rig.rest('POST', '/api/v1/auth/login', { username: 'ANN', password })
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', user: { user_id: ann.user_id, username: 'ann' } })
    expect(body.expires_in).toBeGreaterThan(590)
    expect(JSON.stringify(body)).not.toContain('$2')
    const wrong = await rig.rest('POST', '/api/v1/auth/login', { username: 'ann', password: 'wrong wrong wrong' })
    const unknown = await rig.rest('POST', '/api/v1/auth/login', { username: 'nobody', password })
    expect(wrong).toEqual(unknown)
    expect(wrong).toMatchObject({ status: 401, body: { type: 'error', code: 'AUTH_INVALID' } })
  })

  it('refreshes once; a token used again after its answer has arrived ends the login with its sockets', async () => {
    const login = await rig.login('bob')
    const wire = await rig.open()
    await wire.hello(login.access_token)
    const fresh = await rig.rest('POST', '/api/v1/auth/refresh', { refresh_token: login.refresh_token })
    expect(fresh).toMatchObject({ status: 200, body: { token_type: 'Bearer' } })
    expect((await rig.rest('GET', '/api/v1/me', undefined, String(fresh.body.access_token))).status).toBe(200)
    const again = await rig.rest('POST', '/api/v1/auth/refresh', { refresh_token: login.refresh_token })
    expect(again).toMatchObject({ status: 401, body: { code: 'AUTH_INVALID' } })
    expect(await wire.closed).toBe(4101)
    expect((await rig.rest('GET', '/api/v1/me', undefined, String(fresh.body.access_token))).status).toBe(401)
  })

  it('is refused with bodies that are not exactly what is asked for', async () => {
    for (const body of [
      {},
      { username: 'ann' },
      { username: 'ann', password, admin: true },
      { username: 1, password },
    ]) {
      expect(await rig.rest('POST', '/api/v1/auth/login', body)).toMatchObject({
        status: 400,
        body: { code: 'BAD_MESSAGE' },
      })
    }
    const form = await fetch(`${rig.base}/api/v1/auth/login`, { method: 'POST', body: 'username=ann' })
    expect(form.status).toBe(400)
    const large = await rig.rest('POST', '/api/v1/auth/login', { username: 'ann', password: 'x'.repeat(70_000) })
    expect(large).toMatchObject({ status: 413, body: { code: 'MESSAGE_TOO_LARGE' } })
  })

  it('is refused with bytes that are no UTF-8, which would all be read as the same letter', async () => {
    const body = Buffer.from(JSON.stringify({ username: 'ann', password: `${password}\u00ff` }), 'latin1')
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${rig.base}/api/v1/auth/login`, { method: 'POST', headers, body })
    expect(await answer.json()).toMatchObject({ code: 'BAD_MESSAGE', payload: { reason: 'text' } })
  })
})

describe('users', () => {
  it('are listed and changed by administrators; anybody finds one exact name', async () => {
    expect((await as(ann).get('/users')).body).toMatchObject({ code: 'ACCESS_DENIED' })
    expect((await as(ann).post('/users', { username: 'x', password })).status).toBe(403)
    expect((await as(ann).patch(`/users/${ann.user_id}`, { admin: true })).status).toBe(403)
    expect((await as(ann).get('/users?username=bob')).body).toEqual({
      data: [{ user_id: bob.user_id, username: 'bob' }],
    })
    for (const other of ['bo', bob.user_id])
      expect((await as(ann).get(`/users?username=${other}`)).body).toEqual({ data: [] })

    await rig.mesh.accounts.update(eve.user_id, { admin: true })
    const made = await as(eve).post('/users', { username: 'fay', password })
    expect(made).toMatchObject({ status: 201, body: { username: 'fay', admin: false, disabled: false } })
    expect((await as(eve).post('/users', { username: 'FAY', password })).body).toMatchObject({ code: 'CONFLICT' })
    const first = await as(eve).get('/users?limit=2')
    expect(first.body.data).toHaveLength(2)
    const rest = await as(eve).get(`/users?after=${String(first.body.next)}`)
    expect((rest.body.data as { username: string }[]).length).toBeGreaterThanOrEqual(2)
    expect(JSON.stringify(rest.body)).not.toContain('$2')
  })

  it('who are deleted are out of their rooms and logins, and their name is free again', async () => {
    const hal = await rig.account('hal')
    const room = await roomOf(ann, { [hal.user_id]: 'member' })
    const wire = await rig.open()
    await wire.hello(hal.access_token)
    expect((await as(ann).delete(`/users/${hal.user_id}`)).status).toBe(403)
    const own = await roomOf(hal)
    expect((await as(eve).delete(`/users/${hal.user_id}`)).body).toMatchObject({ code: 'CONFLICT' })
    expect(JSON.stringify((await as(ann).get(`/rooms/${room}/members`)).body)).toContain(hal.user_id)
    expect((await as(hal).delete(`/rooms/${own}`)).status).toBe(204)
    expect((await as(eve).delete(`/users/${hal.user_id}`)).status).toBe(204)
    expect(await wire.closed).toBe(4101)
    expect(JSON.stringify((await as(ann).get(`/rooms/${room}/members`)).body)).not.toContain(hal.user_id)
    expect((await rig.rest('POST', '/api/v1/auth/login', { username: 'hal', password })).status).toBe(401)
    expect((await as(eve).post('/users', { username: 'hal', password })).status).toBe(201)
  })

  it('who are disabled are out at once', async () => {
    const gil = await rig.account('gil')
    const wire = await rig.open()
    await wire.hello(gil.access_token)
    await rig.mesh.accounts.update(gil.user_id, { disabled: true })
    expect(await wire.closed).toBe(4101)
    expect((await as(gil).get('/me')).body).toMatchObject({ code: 'AUTH_INVALID' })
    expect((await rig.rest('POST', '/api/v1/auth/login', { username: 'gil', password })).status).toBe(401)
  })
})

describe('rooms', () => {
  it('are made, read, renamed and deleted by those who may', async () => {
    const room = await roomOf(ann, { [bob.user_id]: 'member' })
    expect((await as(bob).get(`/rooms/${room}`)).body).toMatchObject({
      room_id: room,
      name: 'Lab',
      owner_user_id: ann.user_id,
      policy: {},
    })
    expect((await as(bob).patch(`/rooms/${room}`, { name: 'Mine' })).body).toMatchObject({ code: 'ACCESS_DENIED' })
    expect((await as(eve).get(`/rooms/${room}`)).body).toMatchObject({ code: 'ACCESS_DENIED' })
    const nowhere = `room_${randomBytes(16).toString('base64url')}`
    expect(await as(ann).get(`/rooms/${nowhere}`)).toMatchObject({ status: 404, body: { code: 'ROOM_NOT_FOUND' } })
    for (const odd of ['nowhere', `usr_${'a'.repeat(22)}`, `room_${'a'.repeat(65)}`, 'room_%2e%2e%2f']) {
      expect(await as(ann).get(`/rooms/${odd}`)).toMatchObject({ status: 404, body: { code: 'ROOM_NOT_FOUND' } })
    }
    // Not even the room is asked for what nobody can be.
    expect((await as(eve).put(`/rooms/${room}/members/nobody`, { role: 'guest' })).body).toMatchObject({
      code: 'NOT_FOUND',
    })
    const changed = await as(ann).patch(`/rooms/${room}`, {
      name: 'Ours',
      policy: { caps: { guest: ['call', 'screen'] } },
    })
    expect(changed.body).toMatchObject({ name: 'Ours', policy: { caps: { guest: ['call', 'screen'] } } })
    expect((await as(ann).patch(`/rooms/${room}`, { policy: { caps: { guest: ['fly'] } } })).status).toBe(400)
    expect((await as(bob).delete(`/rooms/${room}`)).status).toBe(403)
    expect((await as(ann).delete(`/rooms/${room}`)).status).toBe(204)
    expect((await as(ann).get(`/rooms/${room}`)).status).toBe(404)
  })

  it('keep at least one owner', async () => {
    const room = await roomOf(ann)
    expect((await as(ann).put(`/rooms/${room}/members/${ann.user_id}`, { role: 'member' })).body).toMatchObject({
      code: 'CONFLICT',
    })
    expect((await as(ann).delete(`/rooms/${room}/members/${ann.user_id}`)).body).toMatchObject({ code: 'CONFLICT' })
  })

  it('tell their history by gapless seq, a guest what came since joining', async () => {
    const room = await roomOf(ann)
    const wire = await rig.open()
    await wire.hello(ann.access_token)
    await wire.ask('room.join', room, {})
    await wire.ask('chat.message.send', room, { text: 'before' })
    await as(ann).put(`/rooms/${room}/members/${bob.user_id}`, { role: 'guest' })
    await wire.ask('chat.message.send', room, { text: 'after' })
    const events = (await as(ann).get(`/rooms/${room}/events?after=0&limit=10`)).body.data as {
      seq: number
      type: string
    }[]
    expect(events.map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'room.created'],
      [2, 'chat.message.created'],
      [3, 'room.member.added'],
      [4, 'chat.message.created'],
    ])
    const guests = (await as(bob).get(`/rooms/${room}/events`)).body.data as { seq: number }[]
    expect(guests.map(({ seq }) => seq)).toEqual([3, 4])
    expect((await as(bob).get(`/rooms/${room}/messages`)).body.data).toMatchObject([{ text: 'after', seq: 4 }])
    const newest = await as(ann).get(`/rooms/${room}/messages?limit=1`)
    expect(newest.body).toMatchObject({ data: [{ text: 'after' }], next: 4 })
    expect((await as(ann).get(`/rooms/${room}/messages?before_seq=4`)).body.data).toMatchObject([{ text: 'before' }])
    wire.socket.close()
  })

  it('put a removed member out within 100 ms', async () => {
    const room = await roomOf(ann, { [bob.user_id]: 'member' })
    const wire = await rig.open()
    await wire.hello((await rig.login('bob')).access_token)
    await wire.ask('room.join', room, {})
    const started = performance.now()
    expect((await as(ann).delete(`/rooms/${room}/members/${bob.user_id}`)).status).toBe(204)
    expect((await wire.next('room.left')).payload).toMatchObject({ room_id: room, reason: 'removed' })
    expect(performance.now() - started).toBeLessThan(100)
    expect(await wire.ask('chat.message.send', room, { text: 'still here' })).toMatchObject({ code: 'ACCESS_DENIED' })
  })

  it("grant capabilities over REST to the caller's own live peer only", async () => {
    const room = await roomOf(ann)
    const wire = await rig.open()
    await wire.hello(ann.access_token)
    const path = `/rooms/${room}/capabilities`
    const granted = await as(ann).post(path, { for: wire.peer_id, caps: ['call'] })
    expect(granted).toMatchObject({ status: 201, body: { caps: ['call'] } })
    expect((await as(ann).post(path, { for: `peer_${'x'.repeat(22)}`, caps: ['call'] })).body).toMatchObject({
      code: 'NOT_FOUND',
    })
    expect((await as(ann).post(path, { for: wire.peer_id, caps: ['call'], ttl_s: 600 })).status).toBe(400)
    expect((await as(eve).post(path, { for: wire.peer_id, caps: ['call'] })).body).toMatchObject({
      code: 'ACCESS_DENIED',
    })
    wire.socket.close()
  })
})

describe('a revoked signing key', () => {
  it('is out of the JWKS at once, and of access tokens logs out who came in with it', async () => {
    const own = await createRig()
    const { access_token } = await own.account('ann')
    const wire = await own.open()
    await wire.hello(access_token)
    const kidOf = (ring: { jwks: { keys: { kid?: string }[] } }) => ring.jwks.keys[0]?.kid ?? ''
    const kid = kidOf(own.mesh.keys.capability)
    await own.mesh.keys.revoke(kid)
    const { keys } = (await own.rest('GET', '/.well-known/jwks.json')).body as { keys: { kid: string }[] }
    expect(keys).toHaveLength(2)
    expect(keys.map((key) => key.kid)).not.toContain(kid)
    expect((await own.rest('GET', '/api/v1/me', undefined, access_token)).status).toBe(200)
    await own.mesh.keys.revoke(kidOf(own.mesh.keys.access))
    expect(await wire.closed).toBe(4101)
    expect((await own.rest('GET', '/api/v1/me', undefined, access_token)).status).toBe(401)
    await own.close()
  })
})

describe('what everybody may read', () => {
  it('is there, and nothing else is', async () => {
    expect((await rig.rest('GET', '/healthz')).status).toBe(200)
    expect((await rig.rest('GET', '/readyz')).status).toBe(200)
    expect((await rig.rest('GET', '/version')).body).toMatchObject({ protocol: 'mesh.v1', version: '0.1.0' })
    const { keys } = (await rig.rest('GET', '/.well-known/jwks.json')).body as { keys: object[] }
    // The one that signs, and the next one.
    expect(keys).toEqual(Array(2).fill(expect.objectContaining({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA' })))
    expect(JSON.stringify(keys)).not.toContain('"d"')
    for (const [method, path] of [
      ['GET', '/nowhere'],
      ['GET', '/api/v1/nowhere'],
      ['PUT', '/api/v1/rooms'],
      ['POST', '/healthz'],
    ] as const) {
      expect(await rig.rest(method, path)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    }
    expect(await rig.rest('GET', '/api/v1/me')).toMatchObject({ status: 401, body: { code: 'AUTH_REQUIRED' } })
  })
})
