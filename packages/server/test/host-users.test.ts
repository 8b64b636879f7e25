import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { hostUserId, session, type HostPrincipal, type HostRequest, type MeshServerOptions } from '@mesh/server'
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
