import { describe, expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import { grant, heard, settle, unhurried } from '../testing/kit.ts'
import { closingsOf, createP2pWorld, fingerprintOf, outcomeOf } from '../testing/p2p-kit.ts'

type World = Awaited<ReturnType<typeof createP2pWorld>>
const nobody = (kind: string) => `${kind}_${'n'.repeat(22)}`
const address = (extra: object) => ({ candidates: [{ host: '192.0.2.1', port: 4433, type: 'host', ...extra }] })

/** What becomes of a request; what is refused the other end must not hear of. */
async function outcome(w: World, extra: Parameters<World['request']>[0]): Promise<string> {
  const before = w.b.frames.length
  const id = await w.request(extra)
  await settle(w.b)
  const asked = heard(w.b, before).filter((type) => type === 'p2p.session.request')
  const answer = outcomeOf(w.a, id)
  expect(asked).toHaveLength(answer === undefined ? 1 : 0)
  return answer ?? 'asked'
}

describe('a request', async () => {
  const w = await createP2pWorld()

  it.each<[string, Parameters<World['request']>[0]]>([
    ['a user as its target', { to: w.bob }],
    ['a host that is a name', address({ host: 'example.com' })],
    ['a host in another spelling', address({ host: '127.1' })],
    ['an IPv4-mapped host', address({ host: '::ffff:10.0.0.1' })],
    ['port 0', address({ port: 0 })],
    ['port 65536', address({ port: 65_536 })],
    ['a type that is none', address({ type: 'mdns' })],
    ['17 candidates', { candidates: Array(17).fill(address({}).candidates[0]) }],
    ['no fingerprint', { fingerprint: undefined }],
    ['sha-1', { fingerprint: `sha-1 ${Array(20).fill('AA').join(':')}` }],
    ['small letters', { fingerprint: fingerprintOf().toLowerCase() }],
    ['a fingerprint too short', { fingerprint: fingerprintOf().slice(0, -3) }],
    ['a fingerprint too long', { fingerprint: `${fingerprintOf()}:AA` }],
    ['sha-384 of the length of sha-256', { fingerprint: fingerprintOf().replace('256', '384') }],
    ['a name of two lines', { params: { name: 'a\nb' } }],
    ['a name that runs the other way', { params: { name: 'a\u202eexe.txt' } }],
    ['an empty name', { params: { name: '' } }],
    ['a name of 256', { params: { name: 'a'.repeat(256) } }],
    ['parameters of its own', { params: { path: '/etc' } }],
    ['a size below 0', { params: { size: -1 } }],
    ['a kind that is none', { params: { mime: 'x' } }],
    ['a field of its own', { session_id: nobody('p2p') }],
  ])('with %s is BAD_MESSAGE', async (_name, wrong) => {
    expect(await outcome(w, wrong)).toMatch(/^BAD_MESSAGE/)
  })

  it.each([
    ['sha-384', `sha-384 ${Array(48).fill('AB').join(':')}`],
    ['sha-512', `sha-512 ${Array(64).fill('AB').join(':')}`],
  ])('may have a fingerprint by %s', async (_name, fingerprint) => {
    expect(await outcome(w, { fingerprint })).toBe('asked')
  })

  it('may have 16 candidates, or none yet', async () => {
    expect(await outcome(w, { candidates: Array(16).fill(address({}).candidates[0]) })).toBe('asked')
    expect(await outcome(w, { candidates: [] })).toBe('asked')
  })

  it('says which host is wrong', async () => {
    const id = await w.request({ candidates: [...address({}).candidates, ...address({ host: 'x.y' }).candidates] })
    const error = w.a.frames.find(({ reply_to }) => reply_to === id)
    expect(error?.payload).toMatchObject({ path: 'candidates.1.host' })
  })

  it('needs a room that the peer has joined', async () => {
    const { room_id } = await w.mesh.rooms.create(w.ann, 'Other')
    expect(await outcome(w, { room_id })).toBe('ACCESS_DENIED')
    expect(await outcome(w, { room_id: nobody('room') })).toBe('ROOM_NOT_FOUND')
  })

  it('needs a token that holds the purpose, and is for the target', async () => {
    expect(await outcome(w, { cap_token: null })).toBe('CAP_REQUIRED share:file')
    expect(await outcome(w, { cap_token: 'a.b.c' })).toBe('CAP_INVALID')
    const folder = await grant(w.a, w.room, ['share:folder'])
    expect(await outcome(w, { cap_token: folder })).toBe('CAP_REQUIRED share:file')
    const elsewhere = await grant(w.a, w.room, ['share:file'], { target_peer_id: nobody('peer') })
    expect(await outcome(w, { cap_token: elsewhere })).toBe('CAP_INVALID')
    expect(await outcome(w, { cap_token: await grant(w.b, w.room, ['share:file']) })).toBe('CAP_INVALID')
  })

  it('to nobody who is there to be asked is UNROUTABLE', async () => {
    const outside = await w.connect(w.bob, { device_id: nobody('dev') })
    for (const to of [nobody('peer'), nobody('dev'), outside.peer_id, w.a.peer_id]) {
      expect(await outcome(w, { to })).toBe('UNROUTABLE')
    }
  })

  it.each(['call', 'screen'])('for %s is denied: that is not for agents', async (purpose) => {
    expect(await outcome(w, { purpose })).toBe('P2P_SESSION_DENIED purpose')
  })

  it("may be for a terminal, or for the host application's own purposes", async () => {
    const own = await createP2pWorld({ extraCaps: ['sync'] })
    for (const purpose of ['terminal:view', 'sync']) expect(await outcome(own, { purpose })).toBe('asked')
  })

  it('for more than its token allows is denied', async () => {
    const cap_token = await grant(w.a, w.room, ['share:file'], { max_size: 10 })
    expect(await outcome(w, { cap_token, params: { size: 10 } })).toBe('asked')
    expect(await outcome(w, { cap_token, params: { size: 11 } })).toBe('P2P_SESSION_DENIED max_size')
  })

  it('with an address that nobody may be sent to is denied', async () => {
    expect(await outcome(w, address({ host: '127.0.0.1' }))).toBe('P2P_SESSION_DENIED candidate')
    expect(await outcome(w, address({ port: 1023 }))).toBe('P2P_SESSION_DENIED candidate')
    expect(await outcome(w, address({ host: '10.0.0.1' }))).toBe('asked')
  })

  it('is held to what the room says of addresses', async () => {
    const own = await createP2pWorld()
    await own.mesh.rooms.update('administrator', own.room, { policy: { allow_local: true } })
    expect(await outcome(own, address({ host: '127.0.0.1' }))).toBe('asked')
    expect(await outcome(own, address({ host: '224.0.0.1' }))).toBe('P2P_SESSION_DENIED candidate')
    await own.mesh.rooms.update('administrator', own.room, { policy: { relay_only: true } })
    expect(await outcome(own, {})).toBe('P2P_SESSION_DENIED relay_only')
    expect(await outcome(own, address({ type: 'relay' }))).toBe('asked')
  })

  it('is one of as many as a peer may have, those asked of it not counted', async () => {
    const own = await createP2pWorld({ limits: { ...unhurried, p2p_sessions: 2 } })
    const { session_id } = await own.agree()
    for (let i = 0; i < 3; i++) await own.request({ from: own.b, to: own.a.peer_id })
    expect(await outcome(own, {})).toBe('asked')
    expect(await outcome(own, {})).toBe('P2P_SESSION_DENIED quota')
    await own.close(session_id)
    expect(await outcome(own, {})).toBe('asked')
  })
})

describe('an answer', () => {
  it('is for the peer that was asked', async () => {
    const w = await createP2pWorld()
    const { session_id } = await w.ask()
    const second = await w.enter(w.bob)
    for (const other of [w.a, second, await w.enter(w.cleo)]) {
      expect((await w.accept(session_id, other)).code).toBe('NOT_FOUND')
      const rejected = await other.ask('p2p.session.reject', 'server', { session_id, reason: 'busy' })
      expect(rejected.code).toBe('NOT_FOUND')
    }
    for (const other of [second, await w.connect(w.dan)]) {
      expect((await w.close(session_id, other)).code).toBe('NOT_FOUND')
      expect((await other.ask('p2p.session.renew', 'server', { session_id })).code).toBe('NOT_FOUND')
    }
    expect((await w.accept(session_id)).type).toBe('p2p.session.created')
  })

  it('comes once', async () => {
    const w = await createP2pWorld()
    const { session_id } = await w.agree()
    expect(await w.accept(session_id)).toMatchObject({ code: 'CONFLICT', payload: { reason: 'answered' } })
    const rejected = await w.b.ask('p2p.session.reject', 'server', { session_id, reason: 'busy' })
    expect(rejected.code).toBe('CONFLICT')
    expect((await w.renew(session_id)).type).toBe('p2p.session.renewed')
  })

  it('is held to shape and policy as the request is, and may be tried again', async () => {
    const w = await createP2pWorld()
    const { session_id } = await w.ask()
    expect(await w.accept(session_id, w.b, address({ host: '::FFFF' }))).toMatchObject({ code: 'BAD_MESSAGE' })
    const refused = await w.accept(session_id, w.b, address({ host: '::1' }))
    expect(refused).toMatchObject({ code: 'P2P_SESSION_DENIED', payload: { reason: 'candidate' } })
    expect((await w.accept(session_id)).type).toBe('p2p.session.created')
  })

  it.each(['declined', 'busy', 'unsupported', 'failed'])('may be no: %s', async (reason) => {
    const w = await createP2pWorld()
    const { id, session_id } = await w.ask()
    const rejected = await w.b.ask('p2p.session.reject', 'server', { session_id, reason })
    expect(rejected).toMatchObject({ type: 'p2p.session.closed', payload: { session_id, reason: 'cancelled' } })
    const error = await w.a.next((frame) => frame.reply_to === id)
    expect(error).toMatchObject({ code: 'P2P_SESSION_DENIED', payload: { reason: 'rejected', rejection: reason } })
    expect([closingsOf(w.a), closingsOf(w.b)]).toEqual([[], []])
    expect((await w.accept(session_id)).code).toBe('NOT_FOUND')
  })
})

describe('a renewal', () => {
  it('needs a live token of whoever asks, for the purpose and towards the other end', async () => {
    const w = await createP2pWorld()
    const { session_id } = await w.agree()
    const renew = async (cap_token?: string, by = w.a) =>
      (await by.ask('p2p.session.renew', 'server', { session_id, ...(cap_token ? { cap_token } : {}) })).code
    expect(await renew()).toBe('CAP_REQUIRED')
    expect(await renew('a.b.c')).toBe('CAP_INVALID')
    expect(await renew(await grant(w.a, w.room, ['share:folder']))).toBe('CAP_REQUIRED')
    expect(await renew(await grant(w.b, w.room, ['share:file']))).toBe('CAP_INVALID')
    const elsewhere = await grant(w.a, w.room, ['share:file'], { target_peer_id: nobody('peer') })
    expect(await renew(elsewhere)).toBe('CAP_INVALID')
    const old = await grant(w.a, w.room, ['share:file'], { ttl_s: 60 })
    w.clock.advance(50_000)
    expect(await renew(old)).toBeUndefined()
    w.clock.advance(15_000)
    expect(await renew(old)).toBe('CAP_EXPIRED')
    expect(await renew(await grant(w.b, w.room, ['share:file'], { target_peer_id: w.a.peer_id }), w.b)).toBeUndefined()
  })

  it('needs a session that both have agreed on', async () => {
    const w = await createP2pWorld()
    const { session_id } = await w.ask()
    expect(await w.renew(session_id, w.b)).toMatchObject({ code: 'CONFLICT', payload: { reason: 'not_answered' } })
  })
})

it('while the storage is away nothing is opened or prolonged, whatever token there is', async () => {
  const storage = createMemoryStorage()
  const w = await createP2pWorld({ storage })
  const { session_id } = await w.agree()
  const cap_token = await grant(w.a, w.room, ['share:file'])
  const { list } = storage.events
  storage.events.list = () => Promise.reject(new MeshError('UNAVAILABLE'))
  expect(await outcome(w, { cap_token })).toBe('UNAVAILABLE')
  expect((await w.a.ask('p2p.session.renew', 'server', { session_id, cap_token })).code).toBe('UNAVAILABLE')
  expect(closingsOf(w.b)).toEqual([])
  storage.events.list = list
  expect((await w.a.ask('p2p.session.renew', 'server', { session_id, cap_token })).type).toBe('p2p.session.renewed')
})

it('what a peer asks for is counted, by its class', async () => {
  const p2p = { bytes: 8_192, burst: 1, per_s: 0.001 }
  const w = await createP2pWorld({ limits: { ...unhurried, classes: { ...unhurried.classes, p2p } } })
  expect(await outcome(w, {})).toBe('asked')
  expect(await outcome(w, {})).toBe('RATE_LIMITED')
  expect((await w.accept(nobody('p2p'))).code).toBe('NOT_FOUND')
  expect((await w.accept(nobody('p2p'))).code).toBe('RATE_LIMITED')
})
