import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createRig, type Rig } from './support.ts'

let rig: Rig
const lifted = { burst: 1_000_000, per_s: 1_000_000 }

beforeAll(async () => {
  rig = await createRig({ limits: { attempts: { refresh: lifted, family: lifted } } })
  await rig.account('ann')
})
afterAll(async () => {
  vi.restoreAllMocks()
  await rig.close()
})

/** A login of ann with a socket of its own. */
async function loggedIn() {
  const login = await rig.login('ann')
  const wire = await rig.open()
  await wire.hello(login.access_token)
  return { wire, ...login }
}

async function refresh(refresh_token: string): Promise<string | number> {
  const { status, body } = await rig.rest('POST', '/api/v1/auth/refresh', { refresh_token })
  return status === 200 ? String(body.refresh_token) : status
}

/** Refreshes for which the test needs an answer. */
async function good(refresh_token: string): Promise<string> {
  const next = await refresh(refresh_token)
  expect(next).toBeTypeOf('string')
  return String(next)
}

const isLive = async (access_token: string) =>
  (await rig.rest('GET', '/api/v1/me', undefined, access_token)).status === 200

const dateNow = Date.now
let ahead = 0

/** Sets the clock forward. It stays so for the tests that follow: to a server, time never goes back. */
function pass(ms: number): void {
  ahead += ms
  vi.spyOn(Date, 'now').mockImplementation(() => dateNow() + ahead)
}

describe('a refresh whose answer was lost', () => {
  it('may be tried again for 30 s, and its successor is replaced', async () => {
    const { refresh_token, access_token } = await loggedIn()
    const lost = await good(refresh_token)
    pass(25_000)
    const second = await good(refresh_token)
    expect(second).not.toBe(lost)
    expect(await refresh(lost)).toBe(401)
    expect(await isLive(access_token)).toBe(true)
    await good(second)
  })

  it('ends the login after these 30 s, counted from the first answer', async () => {
    const { refresh_token, wire } = await loggedIn()
    await good(refresh_token)
    pass(20_000)
    const second = await good(refresh_token)
    pass(10_100)
    expect(await refresh(refresh_token)).toBe(401)
    expect(await wire.closed).toBe(4101)
    expect(await refresh(second)).toBe(401)
  })

  it('ends the login as soon as the successor was used', async () => {
    const { refresh_token, wire, access_token } = await loggedIn()
    const third = await good(await good(refresh_token))
    expect(await refresh(refresh_token)).toBe(401)
    expect(await wire.closed).toBe(4101)
    expect(await refresh(third)).toBe(401)
    expect(await isLive(access_token)).toBe(false)
  })
})

describe('a refresh whose answer arrived', () => {
  it.each(['over REST', 'in a hello'])('and was used %s, is not tried again: that ends the login', async (way) => {
    const { refresh_token, wire } = await loggedIn()
    const { body } = await rig.rest('POST', '/api/v1/auth/refresh', { refresh_token })
    if (way === 'over REST') expect(await isLive(String(body.access_token))).toBe(true)
    else await (await rig.open()).hello(String(body.access_token))
    expect(await refresh(refresh_token)).toBe(401)
    expect(await wire.closed).toBe(4101)
    expect(await refresh(String(body.refresh_token))).toBe(401)
  })
})

describe('a refresh token that was never issued', () => {
  it('is refused, and ends no login', async () => {
    const { refresh_token, wire, access_token } = await loggedIn()
    const [head, secret = ''] = refresh_token.split('.')
    const forged = [`${head}.${'A'.repeat(64)}`, `${head}.${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`]
    for (const token of [...forged, `${head}.${secret.slice(0, 43)}`, 'mrt_', ''])
      expect(await refresh(token)).toBe(401)
    for (const token of forged) await rig.rest('POST', '/api/v1/auth/logout', { refresh_token: token })
    expect(await isLive(access_token)).toBe(true)
    expect(wire.socket.readyState).toBe(wire.socket.OPEN)
    await good(refresh_token)
  })
})

describe('a login', () => {
  it('ends at a logout with any of its tokens, its sockets at once', async () => {
    const { refresh_token, wire, access_token } = await loggedIn()
    await good(refresh_token)
    const start = performance.now()
    expect((await rig.rest('POST', '/api/v1/auth/logout', { refresh_token })).status).toBe(204)
    expect(await wire.closed).toBe(4101)
    expect(performance.now() - start).toBeLessThan(1_000)
    expect(await isLive(access_token)).toBe(false)
  })

  it('lives 90 days at most, however often it is refreshed', async () => {
    const { refresh_token } = await loggedIn()
    let token = refresh_token
    for (let day = 13; day < 90; day += 13) {
      pass(13 * 24 * 3_600_000)
      token = await good(token)
    }
    pass(13 * 24 * 3_600_000)
    expect(await refresh(token)).toBe(401)
  })
})

describe('50 refreshes of one token at the same time', () => {
  it('leave one live successor, and the login alive', async () => {
    const { refresh_token, wire, access_token } = await loggedIn()
    const tokens = await Promise.all(Array.from({ length: 50 }, () => good(refresh_token)))
    expect(new Set(tokens).size).toBe(50)
    let refused = 0
    let successor: string | number = 401
    for (const token of tokens.toReversed()) {
      successor = await refresh(token)
      if (successor !== 401) break
      refused++
    }
    expect(await isLive(access_token)).toBe(true)
    expect(wire.socket.readyState).toBe(wire.socket.OPEN)
    await good(String(successor))
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log(
      `50 refreshes of one token: 50 answered, 1 live successor found after ${refused} that are not, login alive`,
    )
  })

  it('leave one that is good, in whatever order they are tried', async () => {
    const { refresh_token } = await loggedIn()
    const tokens = await Promise.all(Array.from({ length: 50 }, () => good(refresh_token)))
    const results = await Promise.all(tokens.map(refresh))
    expect(results.filter((result) => result !== 401)).toHaveLength(1)
  })
})
