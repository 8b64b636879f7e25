import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createMemoryStorage } from '@mesh/core'
import {
  anyOf,
  builtinUsers,
  createMesh,
  hostUserId,
  session,
  type HostPrincipal,
  type HostRequest,
  type MeshServerOptions,
} from '@mesh/server'
import { createRig, type Rig } from './support.ts'

const rigs: Rig[] = []
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close()
})

/** A host application: its sessions by cookie, and a Mesh that goes by them. */
async function createHost(options: Partial<MeshServerOptions> = {}) {
  const sessions = new Map<string, HostPrincipal>()
  const find = ({ headers }: HostRequest) => sessions.get(/sid=([\w-]+)/.exec(headers.get('cookie') ?? '')?.[1] ?? '')
  const rig = await createRig({ authenticate: session(find), ...options })
  rigs.push(rig)
  return {
    rig,
    sessions,
    login(id: string, more: Partial<HostPrincipal> = {}): { sessionId: string; cookie: string } {
      const sessionId = randomUUID()
      sessions.set(sessionId, { id, name: `${id} name`, sessionId, ...more })
      return { sessionId, cookie: `sid=${sessionId}` }
    },
    open: (cookie: string, origin: string | undefined = rig.base) =>
      rig.open({ headers: { cookie }, ...(origin && { origin }) }),
  }
}

const me = (rig: Rig, token: unknown) => rig.rest('GET', '/api/v1/me', undefined, String(token))

describe("a hello with the host's session", () => {
  it('gets an access token of Mesh, which is good for REST and for another hello', async () => {
    const { rig, login, open } = await createHost()
    const wire = await open(login('17').cookie)
    const { payload } = await wire.hello()
    expect(payload).toMatchObject({ user_id: hostUserId('17'), expires_in: expect.any(Number) })
    expect(payload.expires_in).toBeGreaterThan(595)
    expect(await me(rig, payload.access_token)).toMatchObject({ status: 200, body: { username: '17 name' } })

    const second = await rig.open()
    const welcome = await second.hello(String(payload.access_token))
    expect(welcome).toMatchObject({ type: 'system.welcome', payload: { user_id: hostUserId('17') } })
    expect(welcome.payload).not.toHaveProperty('access_token')
    const refresh = await wire.ask('system.token.refresh', 'server', { token: payload.access_token })
    expect(refresh.type).toBe('system.token.refreshed')
  })

  it('ends with the session: the socket at once, its token in REST and at hello, a new socket as well', async () => {
    const { rig, login, open } = await createHost()
    const { cookie, sessionId } = login('17')
    const [wire, other] = [await open(cookie), await open(login('17').cookie)]
    const { access_token } = (await wire.hello()).payload
    await other.hello()
    const since = performance.now()
    const revoked = rig.mesh.revoke({ sessionId })
    expect(await wire.closed).toBe(4101)
    expect(performance.now() - since).toBeLessThan(100)
    await revoked
    expect(await me(rig, access_token)).toMatchObject({ status: 401, body: { code: 'AUTH_INVALID' } })
    for (const [token, again] of [
      [String(access_token), await rig.open()],
      // The host still would: it has not forgotten the session yet.
      [undefined, await open(cookie)],
    ] as const) {
      expect(await again.hello(token)).toMatchObject({ code: 'AUTH_INVALID' })
      expect(await again.closed).toBe(4100)
    }
    expect((await other.ask('system.ping', 'server', {})).type).toBe('system.pong')
  })

  it('ends with the user: every socket and token from before, and not what the host vouches for again', async () => {
    const { rig, login, open } = await createHost()
    const [wire, other] = [await open(login('17').cookie), await open(login('18').cookie)]
    const { access_token } = (await wire.hello()).payload
    await other.hello()
    await rig.mesh.revoke({ userId: '17' })
    expect(await wire.closed).toBe(4101)
    expect((await me(rig, access_token)).status).toBe(401)
    expect((await other.ask('system.ping', 'server', {})).type).toBe('system.pong')
    const again = await open(login('17').cookie)
    const { payload } = await again.hello()
    expect((await me(rig, payload.access_token)).status).toBe(200)
  })

  it('is as good as the page that asked: cookies count with an allowed origin alone', async () => {
    const { rig, login, open } = await createHost()
    const { cookie } = login('17')
    await expect(open(cookie, 'https://evil.example')).rejects.toThrow('403')
    // No browser leaves it out of an upgrade.
    const bare = await rig.open({ headers: { cookie } })
    expect(await bare.hello()).toMatchObject({ code: 'AUTH_REQUIRED' })
    const post = async (origin?: string) => {
      const headers = { cookie, 'content-type': 'application/json', ...(origin && { origin }) }
      const body = JSON.stringify({ name: 'Room' })
      return (await fetch(`${rig.base}/api/v1/rooms`, { method: 'POST', headers, body })).status
    }
    expect(await post('https://evil.example')).toBe(401)
    expect(await post()).toBe(401)
    expect(await post(rig.base)).toBe(201)
    expect((await fetch(`${rig.base}/api/v1/rooms`, { headers: { cookie } })).status).toBe(200)
  })

  it('is over when the session is, and never later than it says', async () => {
    const { rig, login, open } = await createHost()
    const wire = await open(login('17', { expiresAt: Date.now() + 30_000 }).cookie)
    const { payload } = await wire.hello()
    expect(payload.expires_in).toBeLessThanOrEqual(30)
    const late = await open(login('17', { expiresAt: Date.now() - 1 }).cookie)
    expect(await late.hello()).toMatchObject({ code: 'AUTH_EXPIRED' })
    expect(await late.closed).toBe(4001)
    expect((await me(rig, payload.access_token)).status).toBe(200)
  })

  it('keeps nothing of the user but issuer, subject and the name that others see', async () => {
    const { rig, login, open } = await createHost()
    const { sessionId, cookie } = login('17', { kind: 'guest', roles: ['secret-role'] })
    const wire = await open(cookie)
    await wire.hello()
    const external = { issuer: 'host', subject: '17' }
    expect(await rig.mesh.storage.users.find(hostUserId('17'))).toMatchObject({ username: '17 name', external })
    const claims = String((await wire.frames[0])?.payload.access_token).split('.')[1] ?? ''
    expect(Buffer.from(claims, 'base64url').toString()).not.toContain(sessionId)
  })
})

describe('a hook that is at fault', () => {
  it.each([[{ id: 17 }], [{ id: '' }], [{}], [{ id: '17', expiresAt: 'soon' }]])(
    'lets nobody in with %j',
    async (principal) => {
      const { rig } = await createHost({ authenticate: () => principal as HostPrincipal })
      const wire = await rig.open()
      expect(await wire.hello()).toMatchObject({ code: 'INTERNAL' })
      expect((await rig.rest('GET', '/api/v1/me')).status).toBe(500)
    },
  )
})

it('a hook that never answers keeps a call for ten seconds, and no longer', async () => {
  const { rig } = await createHost({ authenticate: () => new Promise(() => {}) })
  expect(await me(rig, 'x')).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
}, 20_000)

describe('before the access of a connection ends', () => {
  // The warning is due two seconds after the hello.
  const limits = { token_warning_s: 598 }

  async function createWithRevalidate(revalidate: NonNullable<MeshServerOptions['revalidate']>) {
    const asked: HostPrincipal[] = []
    const host = await createHost({
      limits,
      revalidate(principal) {
        asked.push(principal)
        return revalidate(principal)
      },
    })
    return { ...host, asked }
  }

  it('the host is asked again whether it still vouches, and the client has a fresh token without doing anything', async () => {
    const { rig, login, open, asked } = await createWithRevalidate((principal) => principal)
    const { cookie, sessionId } = login('17')
    const wire = await open(cookie)
    const first = (await wire.hello()).payload.access_token
    const { payload } = await wire.next('system.token.refreshed')
    expect(asked).toMatchObject([{ id: '17', sessionId }])
    expect(payload.access_token).not.toBe(first)
    expect((await me(rig, payload.access_token)).status).toBe(200)
    expect(wire.frames.some(({ type }) => type === 'system.token.expiring')).toBe(false)
  })

  it('a host that does not vouch any more ends it', async () => {
    const { login, open } = await createWithRevalidate(() => null)
    const wire = await open(login('17').cookie)
    await wire.hello()
    expect(await wire.closed).toBe(4101)
  })

  it.each([
    ['cannot say', () => Promise.reject(new Error('the database of the host is down'))],
    ['says that it is somebody else', () => ({ id: '18' })],
  ])('a host that %s makes nobody stay or go wrongly', async (name, revalidate) => {
    const { login, open } = await createWithRevalidate(revalidate)
    const wire = await open(login('17').cookie)
    await wire.hello()
    if (name === 'cannot say') expect((await wire.next('system.token.expiring')).payload).toHaveProperty('expires_at')
    else expect(await wire.closed).toBe(4101)
  })

  it('whoever came with a token is asked for another, and nobody else', async () => {
    const { rig, asked } = await createWithRevalidate((principal) => principal)
    const { access_token } = await rig.mesh.tokens.mint({ user: { id: '17', name: 'Ann' } })
    const wire = await rig.open()
    await wire.hello(access_token)
    await wire.next('system.token.expiring')
    expect(asked).toEqual([])
    const next = await rig.mesh.tokens.mint({ user: { id: '17', name: 'Ann' } })
    const { type } = await wire.ask('system.token.refresh', 'server', { token: next.access_token })
    expect(type).toBe('system.token.refreshed')
  })
})

describe('a token that the host mints', () => {
  it('lets its user in, as whom and as long as the host says', async () => {
    const { rig } = await createHost()
    const minted = await rig.mesh.tokens.mint({ user: { id: '17', name: 'Ann' }, sessionId: 'login-1', ttl: 60 })
    expect(minted).toMatchObject({ user_id: hostUserId('17'), expires_in: expect.any(Number) })
    expect(minted.expires_in).toBeLessThanOrEqual(60)
    const wire = await rig.open()
    expect((await wire.hello(minted.access_token)).payload.user_id).toBe(minted.user_id)
    expect(await me(rig, minted.access_token)).toMatchObject({ body: { username: 'Ann' } })
    await rig.mesh.revoke({ sessionId: 'login-1' })
    expect(await wire.closed).toBe(4101)
    await expect(rig.mesh.tokens.mint({ user: { id: '17' }, sessionId: 'login-1' })).rejects.toThrow('')
    for (const ttl of [0, 601, NaN])
      await expect(rig.mesh.tokens.mint({ user: { id: '17' }, ttl })).rejects.toThrow('ttl')
  })

  it('makes an administrator only of whom the host says so', async () => {
    const { rig } = await createHost({ authenticate: anyOf(builtinUsers()) })
    const list = async (admin: boolean) => {
      const { access_token } = await rig.mesh.tokens.mint({ user: { id: `a-${admin}`, admin } })
      return (await rig.rest('GET', '/api/v1/users', undefined, access_token)).status
    }
    expect([await list(true), await list(false)]).toEqual([200, 403])
  })
})

it('an application beside the server vouches for its users over REST, as an administrator', async () => {
  const rig = await createRig()
  rigs.push(rig)
  const ann = await rig.account('ann')
  const post = (path: string, body: object, token: string) => rig.rest('POST', `/api/v1/host/${path}`, body, token)
  const wanted = { user: { id: '17', name: 'Carol' }, session_id: 's' }
  expect((await post('tokens', wanted, ann.access_token)).status).toBe(403)
  expect((await post('revocations', { session_id: 's' }, ann.access_token)).status).toBe(403)
  await rig.mesh.accounts.update(ann.user_id, { admin: true })
  const { body } = await post('tokens', wanted, ann.access_token)
  const wire = await rig.open()
  expect((await wire.hello(String(body.access_token))).payload.user_id).toBe(hostUserId('17'))
  expect((await post('revocations', {}, ann.access_token)).status).toBe(400)
  expect((await post('revocations', { session_id: 's' }, ann.access_token)).status).toBe(204)
  expect(await wire.closed).toBe(4101)
})

it('a revocation holds after a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-revoked-'))
  const before = await createMesh({ dataDir })
  const { access_token } = await before.tokens.mint({ user: { id: '17' }, sessionId: 's' })
  const kept = await before.tokens.mint({ user: { id: '17' }, sessionId: 't' })
  await before.revoke({ sessionId: 's' })
  await before.close()
  const after = await createMesh({ dataDir })
  const call = (token: string) =>
    after.fetch(new Request('http://mesh.test/api/v1/me', { headers: { authorization: `Bearer ${token}` } }))
  expect([(await call(access_token)).status, (await call(kept.access_token)).status]).toEqual([401, 200])
  await after.close()
  await rm(dataDir, { recursive: true })
})

it("the built-in accounts' users and logins can be revoked by their own ids", async () => {
  const rig = await createRig()
  rigs.push(rig)
  const [ann, bob] = [await rig.account('ann'), await rig.account('bob')]
  const wire = await rig.open()
  await wire.hello(ann.access_token)
  await rig.mesh.revoke({ userId: ann.user_id })
  expect(await wire.closed).toBe(4101)
  const refresh = (of: { refresh_token: string }) =>
    rig.rest('POST', '/api/v1/auth/refresh', { refresh_token: of.refresh_token })
  // Somebody's own user, who calls themselves like bob here.
  await rig.mesh.revoke({ userId: bob.user_id, issuer: 'https://idp.example' })
  expect([(await refresh(ann)).status, (await refresh(bob)).status]).toEqual([401, 200])
})

it('a hook of its own sees no cookie that a foreign page made the browser send', async () => {
  const authenticate: MeshServerOptions['authenticate'] = ({ request }) =>
    request.headers.get('cookie') === 'sid=1' ? { id: '17' } : null
  const { rig } = await createHost({ authenticate })
  const get = async (origin: string) =>
    (await fetch(`${rig.base}/api/v1/rooms`, { headers: { cookie: 'sid=1', origin } })).status
  expect([await get(rig.base), await get('https://evil.example')]).toEqual([200, 401])
})

it('what a host calls its sessions and users is nowhere in the database for having been revoked', async () => {
  const { rig } = await createHost()
  const [sessionId, userId] = [`cookie-${randomUUID()}`, `account-${randomUUID()}`]
  await rig.mesh.revoke({ sessionId })
  await rig.mesh.revoke({ userId })
  const files = await Promise.all(['mesh.db', 'mesh.db-wal'].map((name) => readFile(join(rig.dataDir, name))))
  for (const id of [sessionId, userId]) expect(Buffer.concat(files).includes(id)).toBe(false)
})

describe('a revocation that overtakes', () => {
  /** A host whose storage lets something happen before a write goes in. */
  async function createSlowHost() {
    const storage = createMemoryStorage()
    const { users, enrolments } = storage
    let meanwhile = async (): Promise<unknown> => undefined
    const after =
      <A extends unknown[], R>(write: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        await meanwhile()
        return write(...args)
      }
    const slow = {
      ...storage,
      users: { ...users, ensure: after(users.ensure) },
      enrolments: { ...enrolments, create: after(enrolments.create) },
    }
    const { rig } = await createHost({ storage: slow })
    return { rig, before: (happens: typeof meanwhile) => (meanwhile = happens) }
  }

  it('the making of a token leaves one that is good for nothing', async () => {
    const { rig, before } = await createSlowHost()
    before(async () => {
      await rig.mesh.revoke({ userId: '17' })
      // Into the second after the revocation: tokens are dated in whole ones.
      await new Promise((resolve) => setTimeout(resolve, 1_100))
    })
    const { access_token } = await rig.mesh.tokens.mint({ user: { id: '17' } })
    expect((await me(rig, access_token)).status).toBe(401)
  })

  it('the making of a code for a device leaves none', async () => {
    const { rig, before } = await createSlowHost()
    const { access_token } = await rig.mesh.tokens.mint({ user: { id: '17' } })
    let made: Parameters<typeof rig.mesh.storage.enrolments.redeem>[0] | undefined
    const { create } = rig.mesh.storage.enrolments
    rig.mesh.storage.enrolments.create = (enrolment, max) => {
      made = enrolment.code_hash
      return create(enrolment, max)
    }
    before(() => rig.mesh.revoke({ userId: '17' }))
    const answer = await rig.rest('POST', '/api/v1/devices/enrolments', undefined, access_token)
    expect(answer).toMatchObject({ status: 401, body: { code: 'AUTH_INVALID' } })
    expect(made).toBeTypeOf('string')
    const device = { device_id: 'dev_x', name: 'x', public_key: 'x', jkt: 'x', created_at: Date.now(), expires_at: 0 }
    expect(await rig.mesh.storage.enrolments.redeem(made ?? '', device, 9)).toEqual({ outcome: 'unknown' })
  })
})

it('whoever comes in while a revocation is being written is out when it is', async () => {
  const storage = createMemoryStorage()
  const { add } = storage.revocations
  let meanwhile = async (): Promise<void> => {}
  const slow = {
    ...storage,
    revocations: {
      ...storage.revocations,
      async add(revocation: Parameters<typeof add>[0]) {
        await meanwhile()
        await add(revocation)
      },
    },
  }
  const { rig } = await createHost({ storage: slow })
  const { access_token } = await rig.mesh.tokens.mint({ user: { id: '17' }, sessionId: 's' })
  const wire = await rig.open()
  let welcome: Promise<unknown> | undefined
  meanwhile = async () => void (await (welcome ??= wire.hello(access_token)))
  await rig.mesh.revoke({ sessionId: 's' })
  expect(await welcome).toMatchObject({ type: 'system.welcome' })
  expect(await wire.closed).toBe(4101)
})
