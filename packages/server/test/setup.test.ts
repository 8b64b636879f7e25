import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRig, type Rig } from './support.ts'

const password = 'correct horse battery staple'
let rig: Rig
beforeEach(async () => {
  rig = await createRig({ limits: { attempts: { setup: { burst: 60, per_s: 0.001 } } } })
})
afterEach(() => rig.close())

const setUp = (code: string, account: object = { username: 'root', password }) =>
  rig.rest('POST', '/api/v1/setup', { code, ...account })
const administrators = async () => (await rig.mesh.accounts.list({ limit: 100 })).filter(({ admin }) => admin)

describe('the setup code', () => {
  it('makes one administrator of 50 who use it at once, and the route is gone for good', async () => {
    const code = (await rig.mesh.setup.newCode()) ?? ''
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
    const names = Array.from({ length: 50 }, (_, index) => ({ username: `root${index}`, password }))
    const answers = await Promise.all(names.map((account) => setUp(code, account)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const { status } of answers) expect([201, 401, 404]).toContain(status)
    const [root, ...others] = await administrators()
    expect(others).toEqual([])
    const [noted, ...more] = await rig.mesh.storage.audit.list({ limit: 10, action: 'setup.finish' })
    expect(noted).toMatchObject({ target: root?.user_id, address: '127.0.0.1', outcome: 'ok' })
    expect(more).toEqual([])
    const login = await rig.rest('POST', '/api/v1/auth/login', { username: root?.username, password })
    expect(login.body['user']).toMatchObject({ admin: true })

    const gone = await setUp(code)
    expect(gone).toEqual(await setUp('anything'))
    expect(gone).toMatchObject({ status: 404, body: { code: 'NOT_FOUND', message: 'No such route' } })
    // Whatever is sent to it: it is no different from a route that never was.
    expect((await fetch(`${rig.base}/api/v1/setup`, { method: 'POST', body: 'x' })).status).toBe(404)
    expect(await rig.mesh.setup.newCode()).toBeUndefined()
  })

  it('is taken as people type it, and good again when the account was not fit', async () => {
    const code = (await rig.mesh.setup.newCode()) ?? ''
    await rig.mesh.accounts.create({ username: 'Ann', password })
    const typed = ` ${code.toLowerCase().replaceAll('-', ' ')} `
    expect(await setUp(typed, { username: 'root', password: 'short' })).toMatchObject({ status: 400 })
    expect(await setUp(typed, { username: 'ann', password })).toMatchObject({ status: 409 })
    expect(await setUp(typed)).toMatchObject({ status: 201, body: { username: 'root', admin: true } })
  })

  it('is the last one made, and nothing else', async () => {
    const [first = '', second = ''] = [await rig.mesh.setup.newCode(), await rig.mesh.setup.newCode()]
    for (const wrong of [first, '', '----', 'AAAA-AAAA-AAAA-AAAA']) {
      // Of several nodes each has a code of its own.
      const message = expect.stringContaining('the server that printed it')
      expect(await setUp(wrong)).toMatchObject({ status: 401, body: { code: 'AUTH_INVALID', message } })
    }
    expect(await administrators()).toEqual([])
    expect(await setUp(second)).toMatchObject({ status: 201 })
  })

  it('opens nothing where none was made, or where there is an administrator by another way', async () => {
    expect(await setUp('AAAA-AAAA-AAAA-AAAA')).toMatchObject({ status: 404 })
    const code = (await rig.mesh.setup.newCode()) ?? ''
    const { user_id } = await rig.mesh.accounts.create({ username: 'boss', password, admin: true })
    expect(await setUp(code)).toMatchObject({ status: 404 })
    // Not even when nobody is one any more: only a start opens it.
    await rig.mesh.accounts.update(user_id, { admin: false })
    expect(await setUp(code)).toMatchObject({ status: 404 })
  })
})

it('wrong setup codes are limited by address', async () => {
  const own = await createRig()
  await own.mesh.setup.newCode()
  const body = { code: 'AAAA-AAAA-AAAA-AAAA', username: 'root', password }
  const statuses = []
  for (let i = 0; i < 7; i++) statuses.push((await own.rest('POST', '/api/v1/setup', body)).status)
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429])
  await own.close()
})
