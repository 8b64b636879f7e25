import { verifyChain } from '@mesh/core'
import { hostUserId } from '@mesh/server'
import { beforeAll, afterAll, expect, test } from 'vitest'
import { enrol } from './agent.ts'
import { createRig, type Account, type Rig } from './support.ts'

let rig: Rig
let owner: Account
let guest: Account

beforeAll(async () => {
  rig = await createRig()
  owner = await rig.account('olga')
  guest = await rig.account('gus')
})

afterAll(() => rig.close())

/** What was noted while something was done, without what every entry has. */
async function noted(act: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const { audit } = rig.mesh.storage
  const { seq } = await audit.head()
  await act()
  // The last notes are not waited for by those who caused them; one write is behind all before it.
  await rig.mesh.engine.audit({ action: 'setup.finish', outcome: 'ok' })
  const records = await audit.list({ after: seq, limit: 1_000 })
  return records.slice(0, -1).map(({ at: _at, seq: _seq, prev_hash: _prev, hash: _hash, ...entry }) => entry)
}

const as = (account: Account) => (method: string, path: string, body?: object) =>
  rig.rest(method, `/api/v1${path}`, body, account.access_token)

test('rooms, members and their roles: who, whom, where', async () => {
  const entries = await noted(async () => {
    const { body } = await as(owner)('POST', '/rooms', { name: 'Secret plans' })
    const path = `/rooms/${String(body.room_id)}`
    await as(owner)('PATCH', path, { name: 'Other plans', policy: { relay_only: true } })
    await as(owner)('PUT', `${path}/members/${guest.user_id}`, { role: 'guest' })
    await as(owner)('PUT', `${path}/members/${guest.user_id}`, { role: 'member' })
    await as(guest)('PATCH', path, { name: 'Mine' })
    await as(guest)('DELETE', `${path}/members/${guest.user_id}`)
    await as(guest)('DELETE', path)
    await as(owner)('DELETE', path)
  })
  const by = { actor: owner.user_id, outcome: 'ok', room_id: expect.stringMatching(/^room_/) as string }
  expect(entries).toMatchObject([
    { ...by, action: 'room.create', target: owner.user_id },
    { ...by, action: 'room.update', changes: ['name', 'relay_only=true'] },
    { ...by, action: 'member.add', target: guest.user_id, role: 'guest' },
    { ...by, action: 'member.role', target: guest.user_id, role: 'member' },
    { action: 'request.deny', outcome: 'denied', actor: guest.user_id, request: 'updateRoom', reason: 'ACCESS_DENIED' },
    { ...by, action: 'member.remove', actor: guest.user_id, target: guest.user_id },
    { action: 'request.deny', outcome: 'denied', actor: guest.user_id, request: 'deleteRoom' },
    { ...by, action: 'room.delete' },
  ])
  expect(JSON.stringify(entries)).not.toContain('plans')
})

test('capabilities, issued and denied, and control of a terminal; the token itself nowhere', async () => {
  const { body } = await as(owner)('POST', '/rooms', { name: 'Lab' })
  const room_id = String(body.room_id)
  await as(owner)('PUT', `/rooms/${room_id}/members/${guest.user_id}`, { role: 'guest' })
  const [host, other] = [await rig.open(), await rig.open()]
  await host.hello(owner.access_token)
  await other.hello(guest.access_token)
  let token = ''
  const entries = await noted(async () => {
    await host.ask('room.join', room_id, {})
    await other.ask('room.join', room_id, {})
    const { payload } = await host.ask('terminal.share.start', room_id, { room_id, title: 'build' })
    const terminal_id = payload.terminal_id
    const wanted = { room_id, caps: ['terminal:control'], target_peer_id: host.peer_id }
    await other.ask('capability.request', 'server', wanted)
    token = String((await host.ask('capability.request', 'server', wanted)).payload.token)
    await other.ask('terminal.control.take', 'server', { terminal_id, cap_token: token })
    const { payload: granted } = await host.ask('terminal.control.take', 'server', { terminal_id, cap_token: token })
    expect(granted.fence).toBe(1)
    await host.ask('terminal.control.release', 'server', { terminal_id })
  })
  const jti = String((JSON.parse(atob(String(token.split('.')[1]))) as { jti: string }).jti)
  const [by, to] = [
    { actor: owner.user_id, peer_id: host.peer_id, address: '127.0.0.1', outcome: 'ok', room_id },
    { actor: guest.user_id, peer_id: other.peer_id, address: '127.0.0.1', outcome: 'denied' },
  ]
  expect(entries).toMatchObject([
    { ...to, action: 'capability.grant', reason: 'ACCESS_DENIED', caps: ['terminal:control'], room_id },
    { ...by, action: 'capability.grant', target: host.peer_id, jti, caps: ['terminal:control'] },
    { ...to, action: 'request.deny', reason: 'CAP_INVALID', request: 'terminal.control.take' },
    { ...by, action: 'lease.grant', target: expect.stringMatching(/^term_/) as string, fence: 1, jti },
    { ...by, action: 'lease.release', fence: 1, reason: 'released' },
  ])
  expect(JSON.stringify(entries)).not.toContain(token.slice(-40))
})

test('a thousand refusals are two entries', async () => {
  const { body } = await as(owner)('POST', '/rooms', { name: 'Closed' })
  const mallory = await rig.account('mallory')
  const entries = await noted(async () => {
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 100 }, () => as(mallory)('GET', `/rooms/${String(body.room_id)}`)))
    await rig.mesh.engine.audit.flush()
  })
  const refused = { action: 'request.deny', actor: mallory.user_id, request: 'getRoom', reason: 'ACCESS_DENIED' }
  expect(entries.filter(({ actor }) => actor === mallory.user_id)).toMatchObject([refused, { ...refused, count: 999 }])
})

test('a token that does not hold is noted with its address, on the socket', async () => {
  const entries = await noted(async () => {
    const wire = await rig.open()
    await wire.hello('aaaa.bbbb.cccc')
    await wire.closed
  })
  expect(entries).toMatchObject([
    { action: 'auth.token', outcome: 'denied', reason: 'AUTH_INVALID', address: '127.0.0.1' },
  ])
})

test('who came in, who did not, and who left', async () => {
  const wrong = 'wrong wrong wrong'
  const entries = await noted(async () => {
    await rig.account('lena')
    await rig.rest('POST', '/api/v1/auth/login', { username: 'lena', password: wrong })
    await rig.rest('POST', '/api/v1/auth/logout', { refresh_token: guest.refresh_token })
  })
  expect(entries).toMatchObject([
    { action: 'user.create', outcome: 'ok', actor: 'host', changes: ['admin=false'] },
    { action: 'auth.login', outcome: 'ok', actor: expect.stringMatching(/^usr_/) as string, address: '127.0.0.1' },
    { action: 'auth.login', outcome: 'denied', reason: 'AUTH_INVALID', address: '127.0.0.1', request: 'login' },
    { action: 'auth.logout', outcome: 'ok', actor: guest.user_id, sid: expect.stringMatching(/^sess_/) as string },
  ])
  expect(JSON.stringify(entries)).not.toContain(wrong)
})

test('a refresh token that was used before, told apart from one that nobody has', async () => {
  const rita = await rig.account('rita')
  const refresh = (refresh_token: string) => rig.rest('POST', '/api/v1/auth/refresh', { refresh_token })
  const entries = await noted(async () => {
    const second = String((await refresh(rita.refresh_token)).body.refresh_token)
    await refresh(second)
    await refresh(rita.refresh_token)
    await refresh('mrt_nonsense')
  })
  const refused = { action: 'auth.refresh', outcome: 'denied', address: '127.0.0.1' }
  expect(entries).toMatchObject([
    { ...refused, actor: rita.user_id, sid: expect.stringMatching(/^sess_/) as string, reason: 'reused' },
    { ...refused, reason: 'AUTH_INVALID' },
  ])
})

test('devices: their code, their key, their logins and their end', async () => {
  const dora = await rig.account('dora')
  let device_id = ''
  const entries = await noted(async () => {
    const agent = await enrol(rig, dora)
    device_id = agent.device_id
    await agent.login()
    const enrolled = {
      code: 'BCDF-GHJK-LMNP-QRST',
      name: 'x',
      public_jwk: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) },
    }
    await rig.rest('POST', '/api/v1/devices/enrol', enrolled)
    await rig.rest('POST', '/api/v1/auth/device', { assertion: 'a.b.c' })
    await as(dora)('DELETE', `/devices/${device_id}`)
  })
  const by = { actor: dora.user_id, outcome: 'ok' }
  expect(entries).toMatchObject([
    { ...by, action: 'device.enrolment' },
    { ...by, action: 'device.enrol', target: device_id },
    { ...by, action: 'auth.device', device_id },
    { action: 'device.enrol', outcome: 'denied', reason: 'AUTH_INVALID' },
    { action: 'auth.device', outcome: 'denied', reason: 'AUTH_INVALID' },
    { ...by, action: 'device.revoke', target: device_id },
  ])
  expect(JSON.stringify(entries)).not.toContain('BCDF')
})

test('what the application that embeds Mesh decides is the doing of the host, and once', async () => {
  const { accounts, devices, revoke, tokens } = rig.mesh
  let user_id = ''
  const entries = await noted(async () => {
    user_id = (await accounts.create({ username: 'hugo', password: 'a password that is long' })).user_id
    await accounts.update(user_id, { username: 'hugo 2', admin: true })
    await accounts.login('hugo 2', 'not the password').catch(() => {})
    await devices.invite(user_id)
    await devices.revoke(`dev_${'n'.repeat(22)}`)
    await accounts.remove(user_id)
    await tokens.mint({ user: { id: 'their-user' } })
    await revoke({ userId: 'their-user' })
    await revoke({ sessionId: 'their-session' })
  })
  const by = { actor: 'host', outcome: 'ok', target: user_id }
  expect(entries).toMatchObject([
    { ...by, action: 'user.create', changes: ['admin=false'] },
    { ...by, action: 'user.update', changes: ['name', 'admin=true'] },
    { action: 'auth.login', actor: 'host', outcome: 'denied', reason: 'AUTH_INVALID' },
    { ...by, action: 'device.enrolment' },
    { ...by, action: 'user.delete' },
    { action: 'token.mint', actor: 'host', target: expect.stringMatching(/^usr_/) as string },
    { action: 'access.revoke', actor: 'host', target: hostUserId('their-user') },
    { action: 'access.revoke', actor: 'host', target: expect.stringMatching(/^sess_[\w-]{22}$/) as string },
  ])
  expect(JSON.stringify(entries)).not.toMatch(/hugo|their-user|their-session/)
})

test('access that an administrator ends over REST names whose it was, by the ids of Mesh alone', async () => {
  const root = await rig.account('root')
  await rig.mesh.accounts.update(root.user_id, { admin: true })
  const entries = await noted(async () => {
    expect((await as(root)('POST', '/host/revocations', { user_id: 'their-user' })).status).toBe(204)
    expect((await as(root)('POST', '/host/revocations', { user_id: guest.user_id })).status).toBe(204)
    expect((await as(root)('POST', '/host/revocations', { session_id: 'their-session' })).status).toBe(204)
  })
  const by = { action: 'access.revoke', outcome: 'ok', actor: root.user_id }
  expect(entries).toMatchObject([
    { ...by, target: hostUserId('their-user') },
    { ...by, target: `${hostUserId(guest.user_id)} ${guest.user_id}` },
    { ...by, target: expect.stringMatching(/^sess_[\w-]{22}$/) as string },
  ])
  expect(JSON.stringify(entries)).not.toMatch(/their-/)
})

test('the chain of all that verifies', async () => {
  const { broken, head } = await verifyChain(rig.mesh.storage.audit)
  expect(broken).toBeUndefined()
  expect(head.seq).toBeGreaterThan(15)
})
