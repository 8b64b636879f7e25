import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { forgeries } from '../tokens.ts'
import { denied, has, id } from '../world.ts'

const json = { 'content-type': 'application/json' }

/** §11: accounts, rooms and lists over HTTP. */
export const rest: Case[] = [
  rule(
    'rest.login',
    '§11',
    'A login gives access_token, token_type, expires_in, refresh_token and user.',
    async (t) => {
      const user = await t.fresh()
      const { username, password, user_id } = user
      const { status, body } = await t.api(undefined, 'POST', '/auth/login', { username, password })
      assert.equal(status, 200)
      has(body, { token_type: 'Bearer', access_token: /^[\w-]+\.[\w-]+\.[\w-]+$/, refresh_token: /.{32,}/ })
      assert.ok(Number(body.expires_in) > 0, 'expires_in')
      has(body.user, { user_id, username })
      assert.ok(
        !JSON.stringify(body).includes(password) && !JSON.stringify(body).includes('$2'),
        'no password, no hash',
      )
    },
  ),
  rule(
    'rest.login-wrong',
    '§11',
    'A wrong password and an unknown name are one answer: 401 AUTH_INVALID.',
    async (t) => {
      const [user] = await t.people(1)
      const password = 'not the password at all'
      const wrong = await t.api(undefined, 'POST', '/auth/login', { username: user!.username, password })
      const unknown = await t.api(undefined, 'POST', '/auth/login', { username: `no-${user!.username}`, password })
      denied(wrong, 401, 'AUTH_INVALID')
      assert.deepEqual([unknown.status, unknown.body], [wrong.status, wrong.body])
    },
  ),
  rule('rest.bodies', '§12', 'Bodies are JSON, closed and at most 64 KiB.', async (t) => {
    const [user] = await t.people(1)
    const login = { username: user!.username, password: 'x' }
    for (const body of ['no json', '[]', 'null', { ...login, extra: 1 }, { username: 7, password: 'x' }, {}]) {
      denied(await t.api(undefined, 'POST', '/auth/login', body), 400, 'BAD_MESSAGE')
    }
    const form = { body: 'username=a&password=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
    denied(await t.http('POST', '/api/v1/auth/login', form), 400, 'BAD_MESSAGE')
    const large = JSON.stringify({ name: 'x'.repeat(66_000) })
    denied(
      await t.http('POST', '/api/v1/rooms', { body: large, token: user!.token, headers: json }),
      413,
      'MESSAGE_TOO_LARGE',
    )
    denied(await t.api(user, 'POST', '/rooms', { name: 'x', owner_user_id: t.admin.user_id }), 400, 'BAD_MESSAGE')
    denied(await t.api(user, 'POST', '/rooms', { name: '' }), 400, 'BAD_MESSAGE')
  }),
  rule(
    'rest.token',
    '§3 §11',
    'Without a token it is AUTH_REQUIRED, with a bad one AUTH_INVALID, wherever one asks.',
    async (t) => {
      const [user] = await t.people(1)
      const room = await t.room(user!)
      const routes: [string, string][] = [
        ['GET', '/me'],
        ['GET', '/users'],
        ['POST', '/users'],
        ['GET', '/rooms'],
        ['POST', '/rooms'],
        ['GET', `/rooms/${room}`],
        ['PATCH', `/rooms/${room}`],
        ['DELETE', `/rooms/${room}`],
        ['GET', `/rooms/${room}/members`],
        ['GET', `/rooms/${room}/events`],
        ['GET', `/rooms/${room}/messages`],
        ['POST', `/rooms/${room}/capabilities`],
        ['POST', '/auth/password'],
      ]
      for (const [method, path] of routes) {
        denied(await t.api(undefined, method, path), 401, 'AUTH_REQUIRED')
        denied(await t.api({ token: 'nonsense' }, method, path), 401, 'AUTH_INVALID')
      }
    },
  ),
  rule('rest.token-forged', '§3', 'A forged access token, however made, is AUTH_INVALID.', async (t) => {
    const [user] = await t.people(1)
    const forged = await forgeries(user!.token, undefined)
    for (const [name, token] of Object.entries(forged)) {
      // A token that is no Bearer token by its characters may count as none.
      denied(
        await t.api({ token }, 'GET', '/me'),
        401,
        ...(name === 'no JWT at all' ? ['AUTH_INVALID', 'AUTH_REQUIRED'] : ['AUTH_INVALID']),
      )
    }
  }),
  rule('rest.token-in-query', '§1', 'A token in the query of a REST call is not taken.', async (t) => {
    const [user] = await t.people(1)
    for (const name of ['token', 'access_token', 'jwt']) {
      const { status } = await t.http('GET', `/api/v1/me?${name}=${user!.token}`)
      assert.ok(status === 400 || status === 401, `${name}: status ${status}`)
    }
  }),
  rule('rest.capability-is-no-login', '§6', 'A capability token opens no REST route.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const token = await t.grant(peers[0]!, room, ['call'])
    denied(await t.api({ token }, 'GET', '/me'), 401, 'AUTH_INVALID')
  }),
  rule('rest.refresh', '§11', 'A refresh rotates: a new pair, and the old refresh token is spent.', async (t) => {
    const user = await t.fresh()
    const { status, body } = await t.api(undefined, 'POST', '/auth/refresh', { refresh_token: user.refresh_token })
    assert.equal(status, 200)
    has(body, { token_type: 'Bearer', access_token: /\./, refresh_token: /.{32,}/ })
    assert.notEqual(body.refresh_token, user.refresh_token)
    assert.equal((await t.api({ token: String(body.access_token) }, 'GET', '/me')).status, 200)
    denied(await t.api(undefined, 'POST', '/auth/refresh', { refresh_token: 'nonsense' }), 401, 'AUTH_INVALID')
  }),
  rule('rest.me', '§11', 'GET /me is the user of the token.', async (t) => {
    const [user] = await t.people(1)
    const { status, body } = await t.api(user, 'GET', '/me')
    assert.equal(status, 200)
    has(body, { user_id: user!.user_id, username: user!.username })
  }),
  rule('rest.users-by-admin', '§11 §13', 'Administrators make, list and change users; nobody else does.', async (t) => {
    const victim = await t.fresh()
    const path = `/users/${victim.user_id}`
    denied(await t.api(victim, 'GET', '/users'), 403, 'ACCESS_DENIED')
    denied(await t.api(victim, 'POST', '/users', { username: 'x', password: 'y' }), 403, 'ACCESS_DENIED')
    denied(await t.api(victim, 'PATCH', path, { admin: true }), 403, 'ACCESS_DENIED')
    denied(await t.api(victim, 'DELETE', path), 403, 'ACCESS_DENIED')
    const name = `${victim.username}-b`
    has((await t.api(t.admin, 'PATCH', path, { name })).body, { user_id: victim.user_id, username: name })
    has((await t.api(victim, 'GET', '/me')).body, { username: name })
    const again = { username: name.toUpperCase(), password: 'a long password of the suite' }
    // Whether names differ by case is not fixed; that one name is taken once is.
    const taken = await t.api(t.admin, 'POST', '/users', { ...again, username: name })
    denied(taken, 409, 'CONFLICT')
    const { status, body } = await t.api(t.admin, 'GET', '/users?limit=1')
    assert.equal(status, 200)
    assert.equal((body.data as unknown[]).length, 1)
    has((body.data as object[])[0], { user_id: id('usr') })
  }),
  rule(
    'rest.user-lookup',
    '§13',
    'Anyone may look up one exact username, and learns no more than who it is.',
    async (t) => {
      const [a, b] = await t.people(2)
      const { status, body } = await t.api(a, 'GET', `/users?username=${b!.username}`)
      assert.equal(status, 200)
      const [found] = body.data as Record<string, unknown>[]
      has(found, { user_id: b!.user_id, username: b!.username })
      assert.ok(!('disabled' in found!) && !JSON.stringify(found).includes('password'), JSON.stringify(found))
      const none = await t.api(a, 'GET', `/users?username=${b!.username.slice(0, -1)}`)
      assert.deepEqual(none.body.data, [])
    },
  ),
  rule('rest.password-rules', '§11 §13', 'A password that is too short is refused, also as a new one.', async (t) => {
    const [user] = await t.people(1)
    const weak = { username: `${user!.username}-c`, password: 'short' }
    denied(await t.api(t.admin, 'POST', '/users', weak), 400, 'BAD_MESSAGE')
    const change = { current_password: user!.password, new_password: 'short' }
    denied(await t.api(user, 'POST', '/auth/password', change), 400, 'BAD_MESSAGE')
  }),
  rule(
    'rest.rooms',
    '§11',
    'A room is made by its owner, listed, renamed and deleted; objects carry their room_id.',
    async (t) => {
      const [user, other] = await t.people(2)
      const { status, body } = await t.api(user, 'POST', '/rooms', { name: 'First' })
      assert.equal(status, 201)
      const room_id = String(body.room_id)
      has(body, { room_id: id('room'), name: 'First' })
      has((await t.api(user, 'PATCH', `/rooms/${room_id}`, { name: 'Second' })).body, { room_id, name: 'Second' })
      has((await t.api(user, 'GET', `/rooms/${room_id}`)).body, { room_id, name: 'Second' })
      const listed = async (as: typeof user) =>
        ((await t.api(as, 'GET', '/rooms?limit=1000')).body.data as { room_id: string }[]).map((room) => room.room_id)
      assert.ok((await listed(user)).includes(room_id))
      assert.ok(!(await listed(other)).includes(room_id), 'a room is listed to its members')
      assert.equal((await t.api(user, 'DELETE', `/rooms/${room_id}`)).status, 204)
      assert.ok(!(await listed(user)).includes(room_id))
      denied(await t.api(user, 'DELETE', `/rooms/${room_id}`), 404, 'ROOM_NOT_FOUND')
    },
  ),
  rule('rest.policy', '§11', 'PATCH takes a policy of known fields; what is left out stays.', async (t) => {
    const [user] = await t.people(1)
    const path = `/rooms/${await t.room(user!)}`
    const policy = { caps: { guest: ['call'] }, relay_only: true, allow_local: true, max_size: 1_000, max_rate: 10 }
    assert.equal((await t.api(user, 'PATCH', path, { policy })).status, 200)
    assert.equal((await t.api(user, 'PATCH', path, { policy: { max_rate: 20 } })).status, 200)
    has((await t.api(user, 'GET', path)).body.policy, { relay_only: true, max_size: 1_000, max_rate: 20 })
    for (const wrong of [{ extra: 1 }, { relay_only: 'yes' }, { max_size: -1 }, { caps: { guest: ['fly'] } }]) {
      denied(await t.api(user, 'PATCH', path, { policy: wrong }), 400, 'BAD_MESSAGE')
    }
  }),
  rule(
    'rest.members',
    '§11',
    'Members are put, listed and removed; a role is one of three, the user a real one.',
    async (t) => {
      const [user, other] = await t.people(2)
      const path = `/rooms/${await t.room(user!)}/members`
      const put = await t.api(user, 'PUT', `${path}/${other!.user_id}`, { role: 'guest' })
      assert.ok(put.status === 200 || put.status === 201, `status ${put.status}`)
      has(put.body, { user_id: other!.user_id, role: 'guest' })
      denied(await t.api(user, 'PUT', `${path}/${other!.user_id}`, { role: 'king' }), 400, 'BAD_MESSAGE')
      denied(await t.api(user, 'PUT', `${path}/usr_${'n'.repeat(22)}`, { role: 'guest' }), 404, 'NOT_FOUND')
      const { body } = await t.api(other, 'GET', path)
      assert.deepEqual(
        (body.data as { user_id: string; role: string }[]).map(({ user_id, role }) => `${user_id} ${role}`).sort(),
        [`${user!.user_id} owner`, `${other!.user_id} guest`].sort(),
      )
      assert.equal((await t.api(user, 'DELETE', `${path}/${other!.user_id}`)).status, 204)
      denied(await t.api(user, 'DELETE', `${path}/${other!.user_id}`), 404, 'NOT_FOUND')
    },
  ),
  rule('rest.lists', '§13', 'Lists are { data, next? }, and next leads through all of them once.', async (t) => {
    const [user] = await t.people(1)
    const made = [await t.room(user!), await t.room(user!), await t.room(user!)]
    const seen: string[] = []
    for (let next: unknown = ''; next !== undefined;) {
      const { status, body } = await t.api(user, 'GET', `/rooms?limit=1${next === '' ? '' : `&after=${String(next)}`}`)
      assert.equal(status, 200)
      assert.deepEqual(
        Object.keys(body).filter((key) => key !== 'data' && key !== 'next'),
        [],
      )
      seen.push(...(body.data as { room_id: string }[]).map(({ room_id }) => room_id))
      next = body.next
    }
    assert.equal(new Set(seen).size, seen.length, 'nothing twice')
    for (const room of made) assert.ok(seen.includes(room), 'nothing left out')
  }),
  rule('rest.queries', '§11 §12', 'A query that makes no sense is BAD_MESSAGE.', async (t) => {
    const [user] = await t.people(1)
    const room = `/rooms/${await t.room(user!)}`
    for (const query of ['after=-1', 'after=x', 'limit=0', 'limit=x']) {
      denied(await t.api(user, 'GET', `${room}/events?${query}`), 400, 'BAD_MESSAGE')
    }
    denied(await t.api(user, 'GET', `${room}/messages?before_seq=x`), 400, 'BAD_MESSAGE')
  }),
  rule(
    'rest.unknown-route',
    '§13',
    'An unknown route is 404 NOT_FOUND, with and without a token, below the API and not.',
    async (t) => {
      const [user] = await t.people(1)
      denied(await t.api(user, 'GET', '/no-such-thing'), 404, 'NOT_FOUND')
      denied(await t.api(user, 'GET', '/rooms/a/no-such-thing'), 404, 'NOT_FOUND')
      denied(await t.http('GET', '/no-such-thing'), 404, 'NOT_FOUND')
    },
  ),
]
