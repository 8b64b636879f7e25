import { randomBytes } from 'node:crypto'
import { issueAccess, randomIds } from '@mesh/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRig, type Account, type Rig } from './support.ts'

let rig: Rig
let owner: Account
let member: Account
let guest: Account
let stranger: Account
let other: Account

beforeAll(async () => {
  rig = await createRig({ limits: { attempts: { invite: { burst: 1_000, per_s: 1_000 } } } })
  owner = await rig.account('owner')
  member = await rig.account('member')
  guest = await rig.account('guest')
  stranger = await rig.account('stranger')
  other = await rig.account('other')
})
afterAll(() => rig.close())

const as = ({ access_token }: Account) => ({
  get: (path: string) => rig.rest('GET', `/api/v1${path}`, undefined, access_token),
  post: (path: string, body?: object) => rig.rest('POST', `/api/v1${path}`, body, access_token),
  put: (path: string, body: object) => rig.rest('PUT', `/api/v1${path}`, body, access_token),
  delete: (path: string) => rig.rest('DELETE', `/api/v1${path}`, undefined, access_token),
})

/** A room with one member of each role. */
async function room(): Promise<string> {
  const room_id = String((await as(owner).post('/rooms', { name: 'Lab' })).body.room_id)
  await as(owner).put(`/rooms/${room_id}/members/${member.user_id}`, { role: 'member' })
  await as(owner).put(`/rooms/${room_id}/members/${guest.user_id}`, { role: 'guest' })
  return room_id
}

async function invite(by: Account, room_id: string, body: object = { role: 'guest' }) {
  const { status, body: made } = await as(by).post(`/rooms/${room_id}/invites`, body)
  expect(status).toBe(201)
  return { code: String(made.code), invite_id: String(made.invite_id), made }
}

/** The access token of somebody whose password was never hashed, which for so many would take its time. */
async function userWithout(username: string): Promise<string> {
  const { issuer, keys, storage } = rig.mesh
  const [user_id, sid, now] = [randomIds.id('usr'), randomIds.id('sess'), Date.now()]
  await storage.users.ensure({ user_id, username, created_at: now })
  await storage.logins.create({
    sid,
    user_id,
    token_key: '',
    secret_hash: '',
    created_at: now,
    expires_at: now + 60_000,
  })
  return (await issueAccess(keys.access, { issuer, user_id, sid, jti: randomIds.uuid(), now })).token
}

const accept = (who: Account, code: string) => as(who).post(`/invites/${code}/accept`)
const isGone = { status: 404, body: { code: 'NOT_FOUND' } }
const membersOf = async (room_id: string) =>
  (await as(owner).get(`/rooms/${room_id}/members`)).body.data as { user_id: string; role: string }[]

describe('an invitation', () => {
  it('is a secret that makes whoever brings it a member, which the room hears of as of any other', async () => {
    const room_id = await room()
    const wire = await rig.open()
    await wire.hello(owner.access_token)
    await wire.ask('room.join', room_id, {})
    const { code, made } = await invite(owner, room_id, { role: 'member' })
    expect(Buffer.from(code, 'base64url').length).toBeGreaterThanOrEqual(16)
    expect(made).toEqual({
      code,
      invite_id: expect.stringMatching(/^inv_[\w-]{22}$/),
      room_id,
      role: 'member',
      created_by: owner.user_id,
      created_at: expect.any(String),
      expires_at: new Date(Date.parse(String(made.created_at)) + 7 * 24 * 3600_000).toISOString(),
      max_uses: 1,
      uses: 0,
    })
    const answer = await accept(stranger, code)
    expect(answer).toMatchObject({ status: 200, body: { room_id, user_id: stranger.user_id, role: 'member' } })
    const told = await wire.next('room.member.added')
    expect(told.payload).toEqual({
      seq: expect.any(Number),
      user_id: stranger.user_id,
      username: 'stranger',
      role: 'member',
    })
    expect((await as(stranger).get(`/rooms/${room_id}`)).status).toBe(200)
    wire.socket.close()
  })

  it('of 3 uses makes exactly 3 members of 50 who bring it at once', async () => {
    const room_id = await room()
    const { code } = await invite(owner, room_id, { role: 'guest', max_uses: 3 })
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, n) => userWithout(`crowd ${n}`)))
    const before = (await membersOf(room_id)).length
    const answers = await Promise.all(
      tokens.map((token) => rig.rest('POST', `/api/v1/invites/${code}/accept`, undefined, token)),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([200, 200, 200, ...Array<number>(47).fill(404)])
    expect(await membersOf(room_id)).toHaveLength(before + 3)
    expect((await as(owner).get(`/rooms/${room_id}/events?limit=1000`)).body.data).toHaveLength(before + 3)
  })

  it('changes nothing about a member who brings it, and costs no use', async () => {
    const room_id = await room()
    const { code } = await invite(owner, room_id, { role: 'member' })
    for (const [who, role] of [
      [owner, 'owner'],
      [guest, 'guest'],
    ] as const) {
      expect(await accept(who, code)).toMatchObject({ status: 200, body: { user_id: who.user_id, role } })
    }
    expect((await accept(stranger, code)).body).toMatchObject({ role: 'member' })
    // The answer may have been lost: who asks again is a member by now.
    expect(await accept(stranger, code)).toMatchObject({ status: 200, body: { role: 'member' } })
    expect(await accept(other, code)).toMatchObject(isGone)
  })

  it('is not found when it is unknown, mistyped, used up, over or revoked, nor in a room that is deleted', async () => {
    const room_id = await room()
    const unknown = `mic_${randomBytes(32).toString('base64url')}`
    const used = await invite(owner, room_id)
    await accept(stranger, used.code)
    const over = await invite(owner, room_id, { role: 'guest', expires_in_s: 1 })
    const revoked = await invite(owner, room_id)
    expect((await as(owner).delete(`/rooms/${room_id}/invites/${revoked.invite_id}`)).status).toBe(204)
    await new Promise((resume) => setTimeout(resume, 1_050))
    for (const code of [unknown, 'nonsense', used.code, over.code, revoked.code]) {
      expect(await accept(other, code)).toMatchObject(isGone)
    }
    const { code } = await invite(owner, room_id)
    await as(owner).delete(`/rooms/${room_id}`)
    expect(await accept(other, code)).toMatchObject(isGone)
  })

  it('is dead with the right of whoever made it', async () => {
    const room_id = await room()
    const maker = await rig.account('maker')
    const path = `/rooms/${room_id}/members/${maker.user_id}`
    await as(owner).put(path, { role: 'owner' })
    const ofOwner = await invite(maker, room_id, { role: 'owner' })
    await as(owner).put(path, { role: 'member' })
    expect(await accept(stranger, ofOwner.code)).toMatchObject(isGone)
    const ofMember = await invite(maker, room_id)
    await as(owner).delete(path)
    expect(await accept(stranger, ofMember.code)).toMatchObject(isGone)
    // Not even a return brings it back.
    await as(owner).put(path, { role: 'owner' })
    for (const { code } of [ofOwner, ofMember]) expect(await accept(stranger, code)).toMatchObject(isGone)
    const fresh = await invite(maker, room_id)
    await rig.mesh.accounts.update(maker.user_id, { disabled: true })
    expect(await accept(stranger, fresh.code)).toMatchObject(isGone)
    expect((await as(owner).get(`/rooms/${room_id}/invites`)).body).toEqual({ data: [] })
    await rig.mesh.accounts.update(maker.user_id, { disabled: false })
    expect((await accept(stranger, fresh.code)).status).toBe(200)
  })

  it('is listed for owners, without its code, for as long as it lets anybody in', async () => {
    const room_id = await room()
    const twice = await invite(member, room_id, { role: 'guest', max_uses: 2 })
    const once = await invite(owner, room_id)
    await accept(stranger, twice.code)
    await accept(other, once.code)
    const { body } = await as(owner).get(`/rooms/${room_id}/invites`)
    const { code, ...shown } = twice.made
    expect(body).toEqual({ data: [{ ...shown, uses: 1 }] })
    expect(JSON.stringify(body)).not.toContain(code)
    expect(await as(owner).delete(`/rooms/${room_id}/invites/inv_${'n'.repeat(22)}`)).toMatchObject(isGone)
    // Not through a room that it does not belong to.
    const elsewhere = await room()
    expect(await as(owner).delete(`/rooms/${elsewhere}/invites/${twice.invite_id}`)).toMatchObject(isGone)
  })

  it('is asked for exactly', async () => {
    const room_id = await room()
    for (const body of [
      {},
      { role: 'king' },
      { role: 'guest', expires_in_s: 0 },
      { role: 'guest', expires_in_s: 30 * 24 * 3600 + 1 },
      { role: 'guest', max_uses: 0 },
      { role: 'guest', max_uses: 1_001 },
      { role: 'guest', extra: 1 },
    ]) {
      expect(await as(owner).post(`/rooms/${room_id}/invites`, body)).toMatchObject({
        status: 400,
        body: { code: 'BAD_MESSAGE' },
      })
    }
  })

  it('is not guessed: wrong codes are counted by address and by user, good ones are not', async () => {
    const tight = { burst: 2, per_s: 0.001 }
    const small = await createRig({ limits: { attempts: { invite: tight } }, trustedProxies: ['127.0.0.1'] })
    const [ann, bob] = [await small.account('ann'), await small.account('bob')]
    const room = await small.mesh.rooms.create(ann.user_id, 'Lab')
    const wanted = { role: 'guest' as const, expires_in_s: 60, max_uses: 9 }
    const { code } = await small.mesh.invites.create('administrator', room.room_id, wanted)
    const bring = async ({ access_token }: Account, code: string, address: string) => {
      const headers = { authorization: `Bearer ${access_token}`, 'x-forwarded-for': address }
      return (await fetch(`${small.base}/api/v1/invites/${code}/accept`, { method: 'POST', headers })).status
    }
    const wrong = `mic_${randomBytes(32).toString('base64url')}`
    for (let n = 0; n < 3; n++) expect(await bring(ann, code, '192.0.2.1')).toBe(200)
    expect(await bring(ann, wrong, '192.0.2.1')).toBe(404)
    expect(await bring(ann, wrong, '192.0.2.2')).toBe(404)
    expect(await bring(ann, code, '192.0.2.3')).toBe(429)
    expect(await bring(bob, wrong, '192.0.2.1')).toBe(404)
    expect(await bring(bob, code, '192.0.2.1')).toBe(429)
    expect(await bring(bob, code, '192.0.2.4')).toBe(200)
    await small.close()
  })

  it('is one of so many that a member may have open in a room', async () => {
    const small = await createRig({ limits: { invites_per_member: 2 } })
    const ann = await small.account('ann')
    const call = (method: string, path: string, body?: object) =>
      small.rest(method, `/api/v1${path}`, body, ann.access_token)
    const path = `/rooms/${String((await call('POST', '/rooms', { name: 'Lab' })).body.room_id)}/invites`
    const ask = () => call('POST', path, { role: 'guest' })
    const first = await ask()
    expect((await ask()).status).toBe(201)
    expect(await ask()).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT', payload: { reason: 'too_many_invites' } },
    })
    await call('DELETE', `${path}/${String(first.body.invite_id)}`)
    expect((await ask()).status).toBe(201)
    await small.close()
  })
})
