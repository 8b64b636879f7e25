import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRig, type Rig, type Wire } from './support.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('verify-offline.mjs', import.meta.url))
const end = (letter: string) => ({
  candidates: [{ host: '192.0.2.1', port: 4433, type: 'host' }],
  fingerprint: `sha-256 ${Array(32).fill(`${letter}0`).join(':')}`,
})

let rig: Rig
let room: string
let a: Wire
let b: Wire

beforeAll(async () => {
  rig = await createRig()
  const [ann, bob] = [await rig.account('ann'), await rig.account('bob')]
  const { body } = await rig.rest('POST', '/api/v1/rooms', { name: 'Lab' }, ann.access_token)
  room = String(body.room_id)
  await rig.rest('PUT', `/api/v1/rooms/${room}/members/${bob.user_id}`, { role: 'member' }, ann.access_token)
  ;[a, b] = [await rig.open(), await rig.open()]
  await a.hello(ann.access_token)
  await b.hello(bob.access_token)
  for (const wire of [a, b]) await wire.ask('room.join', room, {})
})

afterAll(() => rig.close())

it('a session over the network is agreed on, and its token verified by an agent that knows the public keys alone', async () => {
  const granted = await a.ask('capability.request', 'server', { room_id: room, caps: ['share:file'] })
  const cap_token = String(granted.payload.token)
  a.send('p2p.session.request', b.peer_id, { room_id: room, purpose: 'share:file', cap_token, ...end('A') })
  const { session_id } = (await b.next('p2p.session.request')).payload
  const accepted = await b.ask('p2p.session.accept', 'server', { session_id, ...end('B') })
  const created = await a.next('p2p.session.created')
  expect(accepted.payload.session_token).toBe(created.payload.session_token)

  const jwks = await (await fetch(`${rig.base}/.well-known/jwks.json`)).text()
  const token = String(created.payload.session_token)
  const verify = async (session: string) => {
    const argv = ['--conditions=@mesh/source', script, jwks, rig.mesh.issuer, session, cap_token]
    return JSON.parse((await run(process.execPath, argv)).stdout) as object
  }
  expect(await verify(token)).toEqual({
    acceptor: expect.objectContaining({ peer_id: b.peer_id, fingerprint: end('B').fingerprint }),
    purpose: 'share:file',
    caps: ['share:file'],
  })
  // What was signed for one kind is nothing as another.
  expect(await verify(cap_token)).toEqual({ caps: ['share:file'] })
})
