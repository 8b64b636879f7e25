import { createMemoryStorage, MeshError } from '@mesh/core'
import { hashSync } from '@node-rs/bcrypt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRig, type Account, type Rig } from './support.ts'

const password = 'correct horse battery staple'
const another = 'another horse battery staple'
let rig: Rig
let ann: Account
/** What happens before a login is ended, or an account is added. */
let meanwhile: (() => Promise<unknown>) | undefined

beforeEach(async () => {
  const storage = createMemoryStorage()
  const { logins, users } = storage
  const { revoke } = logins
  const { create } = users
  logins.revoke = async (...args) => {
    await meanwhile?.()
    return revoke(...args)
  }
  users.create = async (...args) => {
    await meanwhile?.()
    return create(...args)
  }
  rig = await createRig({ storage, passwords: { cost: 4 } })
  ann = await rig.account('ann')
})
afterEach(async () => {
  meanwhile = undefined
  await rig.close()
})

const fail = () => Promise.reject(new MeshError('UNAVAILABLE'))
const post = (path: string, body?: object, token?: string) => rig.rest('POST', `/api/v1${path}`, body, token)
const login = async (given: string) => (await post('/auth/login', { username: 'ann', password: given })).status
const change = (new_password: string) =>
  post('/auth/password', { current_password: password, new_password }, ann.access_token)

describe('a change of password', () => {
  it('that cannot end the logins does not happen: whoever it is to throw out would stay', async () => {
    meanwhile = fail
    expect((await change(another)).status).toBe(503)
    meanwhile = undefined
    expect([await login(password), await login(another)]).toEqual([200, 401])
    expect((await change(another)).status).toBe(204)
    expect((await post('/auth/refresh', { refresh_token: ann.refresh_token })).status).toBe(401)
  })

  it('takes back the codes that wait for a device, which whoever was in may have made', async () => {
    const { code } = (await post('/devices/enrolments', undefined, ann.access_token)).body
    expect((await change(another)).status).toBe(204)
    const public_jwk = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }
    expect((await post('/devices/enrol', { code, name: 'a', public_jwk })).body).toMatchObject({ code: 'AUTH_INVALID' })
  })

  it('that another one overtakes changes nothing: its own was judged by what is no longer the password', async () => {
    meanwhile = async () => {
      meanwhile = undefined
      await rig.mesh.storage.users.update(ann.user_id, { hashed_password: hashSync(another, { cost: 4 }) })
    }
    const answer = await change('the password of a thief')
    expect(answer).toMatchObject({ status: 401, body: { code: 'AUTH_INVALID' } })
    expect([await login('the password of a thief'), await login(another)]).toEqual([401, 200])
  })
})

it('an account is deleted whatever names others took beforehand', async () => {
  await rig.account(`deleted-${ann.user_id.slice(-12)}`)
  await rig.mesh.accounts.remove(ann.user_id)
  expect(await rig.mesh.storage.users.findByName('ann')).toBeUndefined()
  expect(await rig.mesh.storage.users.find(ann.user_id)).toMatchObject({ disabled: true, hashed_password: '!' })
})

it('with an account goes the token by which a service knew its owner', async () => {
  await rig.mesh.notifications.set(ann.user_id, 'AannToken')
  await rig.mesh.accounts.remove(ann.user_id)
  expect(await rig.mesh.storage.notifyTargets.find(ann.user_id)).toBeUndefined()
})

it('a user who is disabled while the storage fails is out all the same', async () => {
  const wire = await rig.open()
  await wire.hello(ann.access_token)
  meanwhile = fail
  await expect(rig.mesh.accounts.update(ann.user_id, { disabled: true })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await wire.closed).toBe(4101)
})

it.each([{ admin: false }, { disabled: true }])(
  'an administrator who is thrown out (%j) while an account of theirs is made leaves none behind',
  async (fate) => {
    await rig.mesh.accounts.update(ann.user_id, { admin: true })
    meanwhile = async () => {
      meanwhile = undefined
      await rig.mesh.accounts.update(ann.user_id, fate)
    }
    const { status } = await post('/users', { username: 'eve', password: another, admin: true }, ann.access_token)
    expect(status).toBe('admin' in fate ? 403 : 401)
    expect(await rig.mesh.storage.users.findByName('eve')).toBeUndefined()
  },
)

it.each([
  ['PATCH', { admin: false }],
  ['PATCH', { disabled: true }],
  ['DELETE', undefined],
] as const)('of two administrators who throw each other out at once (%s %j) one stays', async (method, body) => {
  const bob = await rig.account('bob')
  for (const { user_id } of [ann, bob]) await rig.mesh.accounts.update(user_id, { admin: true })
  const { users } = rig.mesh.storage
  const { update } = users
  // Both calls have been judged before either changes anything.
  let both = () => {}
  const met = new Promise<void>((resolve) => (both = resolve))
  let calls = 0
  users.update = async (...args) => {
    calls++
    if (calls === 2) both()
    await met
    return update(...args)
  }
  const call = (by: Account, whom: Account) => rig.rest(method, `/api/v1/users/${whom.user_id}`, body, by.access_token)
  const answers = await Promise.all([call(ann, bob), call(bob, ann)])
  expect(answers.map(({ status }) => status).sort()).toEqual([body ? 200 : 204, 403])
  expect(await users.hasAdmin()).toBe(true)
})
