import { createMemoryStorage, MeshError } from '@mesh/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRig, type Account, type Rig } from './support.ts'

const password = 'correct horse battery staple'
const another = 'another horse battery staple'
let rig: Rig
let ann: Account
/** Whether the storage fails where a login ends. */
let isFailing = false

beforeEach(async () => {
  isFailing = false
  const storage = createMemoryStorage()
  const { revoke } = storage.logins
  storage.logins.revoke = async (...args) => {
    if (isFailing) throw new MeshError('UNAVAILABLE')
    return revoke(...args)
  }
  rig = await createRig({ storage })
  ann = await rig.account('ann')
})
afterEach(() => rig.close())

const post = (path: string, body?: object, token?: string) => rig.rest('POST', `/api/v1${path}`, body, token)
const login = (given: string) => post('/auth/login', { username: 'ann', password: given })
const change = () => post('/auth/password', { current_password: password, new_password: another }, ann.access_token)

describe('a change of password', () => {
  it('that cannot end the logins does not happen: whoever it is to throw out would stay', async () => {
    isFailing = true
    expect((await change()).status).toBe(503)
    isFailing = false
    expect([(await login(password)).status, (await login(another)).status]).toEqual([200, 401])
    expect((await change()).status).toBe(204)
    expect((await post('/auth/refresh', { refresh_token: ann.refresh_token })).status).toBe(401)
  })

  it('takes back the codes that wait for a device, which whoever was in may have made', async () => {
    const { code } = (await post('/devices/enrolments', undefined, ann.access_token)).body
    expect((await change()).status).toBe(204)
    const public_jwk = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }
    expect((await post('/devices/enrol', { code, name: 'a', public_jwk })).body).toMatchObject({ code: 'AUTH_INVALID' })
  })
})

it('a user who is disabled while the storage fails is out all the same', async () => {
  const wire = await rig.open()
  await wire.hello(ann.access_token)
  isFailing = true
  await expect(rig.mesh.accounts.update(ann.user_id, { disabled: true })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await wire.closed).toBe(4101)
})
