import { afterEach, expect, it } from 'vitest'
import { createRig, type Rig } from './support.ts'

let rig: Rig
afterEach(() => rig.close())

const call = (path: string, token: string, body?: object) =>
  fetch(`${rig.base}/api/v1${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })

it('calls of one user are limited together, whichever login they come with, and hold up nobody else', async () => {
  rig = await createRig({ limits: { calls: { burst: 3, per_s: 0.1 } } })
  const [ann, bob] = [await rig.account('ann'), await rig.account('bob')]
  const again = await rig.login('ann')
  for (const { access_token } of [ann, again, ann]) expect((await call('/me', access_token)).status).toBe(200)
  const refused = await call('/rooms', again.access_token)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10'])
  expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED', payload: { retryable: true } })
  expect((await rig.rest('GET', '/api/v1/me', undefined, ann.access_token)).status).toBe(429)
  expect((await call('/me', bob.access_token)).status).toBe(200)
  expect((await call('/me', 'no.token.atall')).status).toBe(401)
})

it('capabilities that a user asks for count together, over REST and over sockets', async () => {
  rig = await createRig({ limits: { classes: { capability: { burst: 4, per_s: 0.1 } } } })
  const [ann, bob] = [await rig.account('ann'), await rig.account('bob')]
  const { room_id } = await rig.mesh.rooms.create(ann.user_id, 'Lab')
  await rig.mesh.rooms.setMember('administrator', room_id, bob.user_id, 'member')
  const wires = [await rig.open(), await rig.open()] as const
  const [wire, theirs] = wires
  await wire.hello(ann.access_token)
  await theirs.hello(bob.access_token)
  const over = {
    rest: async () =>
      (await call(`/rooms/${room_id}/capabilities`, ann.access_token, { for: wire.peer_id, caps: ['call'] })).status,
    socket: async () => {
      const { type, code } = await wire.ask('capability.request', 'server', { room_id, caps: ['call'] })
      return code ?? type
    },
  }
  expect([await over.rest(), await over.socket(), await over.rest(), await over.socket()]).toEqual([
    201,
    'capability.granted',
    201,
    'capability.granted',
  ])
  expect([await over.rest(), await over.socket()]).toEqual([429, 'RATE_LIMITED'])
  expect((await call('/me', ann.access_token)).status).toBe(200)
  const others = await call(`/rooms/${room_id}/capabilities`, bob.access_token, { for: theirs.peer_id, caps: ['call'] })
  expect(others.status).toBe(201)
  for (const { socket } of wires) socket.close()
})
