import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRig, type Rig } from './support.ts'

let rig: Rig
afterEach(() => rig.close())

const password = 'correct horse battery staple'
const post = (path: string, body: object, from?: string) =>
  fetch(`${rig.base}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(from === undefined ? {} : { 'x-forwarded-for': from }) },
    body: JSON.stringify(body),
  })
const statuses = async (calls: Promise<Response>[]) => (await Promise.all(calls)).map(({ status }) => status)

describe('attempts', () => {
  it('that fail are counted by address, and answered 429 with when to come back', async () => {
    rig = await createRig({ limits: { attempts: { refresh: { burst: 2, per_s: 0.1 } } } })
    const bad = () => post('/auth/refresh', { refresh_token: 'mrt_nonsense' })
    expect(await statuses([bad(), bad()])).toEqual([401, 401])
    const refused = await bad()
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('10')
    expect(await refused.json()).toMatchObject({
      code: 'RATE_LIMITED',
      payload: { retryable: true, retry_after_ms: expect.any(Number) },
    })
    expect((await post('/auth/logout', { refresh_token: 'mrt_nonsense' })).status).toBe(429)
  })

  it('that end well do not count', async () => {
    rig = await createRig({ limits: { attempts: { login: { burst: 1, per_s: 0.001 } } } })
    await rig.mesh.accounts.create({ username: 'ann', password })
    for (let i = 0; i < 3; i++) expect((await post('/auth/login', { username: 'ann', password })).status).toBe(200)
    expect((await post('/auth/login', { username: 'ann', password: 'wrong' })).status).toBe(401)
    expect((await post('/auth/login', { username: 'ann', password })).status).toBe(429)
  })

  it('are those of the client behind a trusted proxy; an IPv6 network counts as one', async () => {
    rig = await createRig({
      trustedProxies: ['127.0.0.1'],
      limits: { attempts: { refresh: { burst: 1, per_s: 0.001 } } },
    })
    const bad = async (from: string) => (await post('/auth/refresh', { refresh_token: 'mrt_nonsense' }, from)).status
    expect([await bad('203.0.113.7'), await bad('203.0.113.7'), await bad('203.0.113.8')]).toEqual([401, 429, 401])
    expect([await bad('2001:db8::1'), await bad('2001:db8::2'), await bad('2001:db8:0:1::1')]).toEqual([401, 429, 401])
    expect(await bad('198.51.100.1, 203.0.113.7')).toBe(429)
  })

  it('cannot be spread by a header where no proxy is trusted', async () => {
    rig = await createRig({ limits: { attempts: { refresh: { burst: 1, per_s: 0.001 } } } })
    const bad = async (from: string) => (await post('/auth/refresh', { refresh_token: 'mrt_nonsense' }, from)).status
    expect([await bad('203.0.113.7'), await bad('203.0.113.8')]).toEqual([401, 429])
  })

  it('to refresh a login count by it where the token was issued for it, and lock nobody out where it was not', async () => {
    rig = await createRig({ limits: { attempts: { family: { burst: 2, per_s: 0.001 } } } })
    const { refresh_token } = await rig.account('ann')
    const refresh = async (token: string) => (await post('/auth/refresh', { refresh_token: token })).status
    // Whoever has seen a capability token knows the id of its login.
    const madeUp = `${refresh_token.split('.')[0]}.${'A'.repeat(64)}`
    expect([await refresh(madeUp), await refresh(madeUp), await refresh(madeUp)]).toEqual([401, 401, 401])
    expect((await post('/auth/logout', { refresh_token })).status).toBe(204)
    const again = [await refresh(refresh_token), await refresh(refresh_token), await refresh(refresh_token)]
    expect(again).toEqual([401, 401, 429])
  })

  it('through fetch are limited where the host says the address', async () => {
    rig = await createRig({ limits: { attempts: { refresh: { burst: 1, per_s: 0.001 } } } })
    const call = async (address?: string) => {
      const request = new Request('http://mesh.test/api/v1/auth/refresh', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ refresh_token: 'mrt_nonsense' }),
      })
      return (await rig.mesh.fetch(request, address === undefined ? undefined : { address })).status
    }
    expect([await call('203.0.113.7'), await call('203.0.113.7'), await call('203.0.113.8')]).toEqual([401, 429, 401])
    expect([await call(), await call()]).toEqual([401, 401])
  })
})

describe('wrong passwords', () => {
  const wrong = 'not the password of anybody'
  let next = 1
  /** Another network each time. */
  const elsewhere = () => `198.51.100.${next++}`
  const login = async (username: string, given: string, from = elsewhere()) =>
    (await post('/auth/login', { username, password: given }, from)).status

  beforeEach(async () => {
    const limits = { attempts: { account: { burst: 2, per_s: 0.001 } } }
    rig = await createRig({ trustedProxies: ['127.0.0.1'], limits, passwords: { cost: 4 } })
    await rig.mesh.accounts.create({ username: 'ann', password })
  })

  it.each(['ann', 'nobody'])('are counted for %s from everywhere, however the name is written', async (name) => {
    const answers = [await login(name, wrong), await login(name.toUpperCase(), wrong), await login(name, wrong)]
    expect(answers).toEqual([401, 401, 429])
    expect(await login(name, password)).toBe(429)
  })

  it('of strangers lock nobody out where they usually are, nor do those from there let anybody guess on', async () => {
    const home = elsewhere()
    expect(await login('ann', password, home)).toBe(200)
    expect([await login('ann', wrong), await login('ann', wrong), await login('ann', wrong)]).toEqual([401, 401, 429])
    expect(await login('ann', password, home)).toBe(200)
    const there = [await login('ann', wrong, home), await login('ann', wrong, home), await login('ann', password, home)]
    expect(there).toEqual([429, 429, 429])
  })

  it.each([
    ['strangers first', ['x', 'x', 'x', 'home', 'home', 'home', 'x']],
    ['home first', ['home', 'home', 'home', 'x', 'x', 'x']],
  ])('are answered alike for a name that is nobody’s and one that is used there: %s', async (_order, places) => {
    const home = elsewhere()
    expect(await login('ann', password, home)).toBe(200)
    const answersFor = async (name: string) => {
      const answers: number[] = []
      for (const place of places) answers.push(await login(name, wrong, place === 'home' ? home : elsewhere()))
      return answers
    }
    expect(await answersFor('ann')).toEqual(await answersFor('nobody'))
  })

  it('where a password is changed are counted with them', async () => {
    const { access_token } = await rig.account('bob')
    const change = () =>
      rig.rest('POST', '/api/v1/auth/password', { current_password: wrong, new_password: password }, access_token)
    expect([(await change()).status, (await change()).status, (await change()).status]).toEqual([401, 401, 429])
  })
})

describe('handshakes', () => {
  const limits = { attempts: { handshake: { burst: 3, per_s: 0.001 } } }
  const open = async (from?: string) => {
    const wire = await rig.open(from === undefined ? {} : { headers: { 'x-forwarded-for': from } })
    wire.socket.terminate()
    await wire.closed
  }

  it('that no welcome follows are counted by address, whatever became of the socket', async () => {
    rig = await createRig({ limits })
    for (let i = 0; i < 3; i++) await open()
    await expect(open()).rejects.toThrow('429')
  })

  it('of clients that are welcome do not count', async () => {
    rig = await createRig({ limits })
    const { access_token } = await rig.account('ann')
    for (let i = 0; i < 10; i++) {
      const wire = await rig.open()
      expect((await wire.hello(access_token)).type).toBe('system.welcome')
      wire.socket.terminate()
    }
    for (let i = 0; i < 3; i++) await open()
    await expect(open()).rejects.toThrow('429')
  })

  it('are those of the client behind a trusted proxy', async () => {
    rig = await createRig({ trustedProxies: ['127.0.0.0/8'], limits })
    for (let i = 0; i < 3; i++) await open('2001:db8::7')
    await expect(open('2001:db8::8')).rejects.toThrow('429')
    await open('203.0.113.8')
  })
})
