import type { Mesh } from '@mesh/client-sdk'
import { describe, expect, it, vi } from 'vitest'
import type { TestServer } from './serve.ts'
import { lay } from './wire.ts'
import { cleanUp, cut, online, pair, statesOf, until, world } from './world.ts'

cleanUp()

/** What becomes of a connection whose session ends with its socket; for the others see resume.test.ts. */
const unresumed = { limits: { resume_window_s: 0 } }

describe('a lost connection', () => {
  it('comes back as another peer, with another token', async () => {
    const server = await world(unresumed)
    const ann = await server.user('ann')
    const reasons: string[] = []
    const token = (reason: string) => {
      reasons.push(reason)
      return server.token(ann)
    }
    const mesh = await online(server, ann, { token })
    const states = statesOf(mesh)
    const { peer_id } = mesh.me
    cut(server)
    await until(mesh, 'reconnecting')
    await expect(mesh.request('system.ping', {})).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    await until(mesh, 'online')
    expect(states).toEqual(['reconnecting', 'online'])
    expect(reasons).toEqual(['connect', 'connect'])
    expect(mesh.me.user_id).toBe(ann)
    expect(mesh.me.peer_id).not.toBe(peer_id)
    await expect(mesh.request('system.ping', {})).resolves.toEqual({})
  })

  it('takes what waits for an answer with it', async () => {
    const { server, a, room_id } = await pair(unresumed)
    for (const socket of server.sockets) socket.pause()
    const join = a.join(room_id)
    setTimeout(() => cut(server), 20)
    await expect(join).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'connection_lost' } })
    await until(a, 'online')
    expect((await a.join(room_id)).id).toBe(room_id)
  })

  it.each(['{"type":', 'null', '{"code":"INTERNAL"}'])('is one that brings %s', async (text) => {
    const server = await world()
    const mesh = await online(server, await server.user('ann'))
    const states = statesOf(mesh)
    for (const socket of server.sockets) socket.send(text)
    await vi.waitFor(() => expect(states).toEqual(['reconnecting', 'online']), 5000)
    await vi.waitFor(() => expect(server.sockets.size).toBe(1))
  })

  it('is the end where nobody wants it back', async () => {
    const server = await world()
    const mesh = await online(server, await server.user('ann'), { reconnect: false })
    cut(server)
    await until(mesh, 'closed')
  })

  it('enters its rooms again and says how available it is', async () => {
    const { server, ann, b, room_id } = await pair(unresumed)
    let login = Promise.resolve()
    const a = await online(server, ann, { token: () => login.then(() => server.token(ann)) })
    const mine = [...server.sockets].at(-1)
    const room = await a.join(room_id)
    const other = await b.join(room_id)
    await room.setStatus('busy', 'on the phone')
    const missed: { after: number; seq: number }[] = []
    room.on('rejoined', (range) => missed.push(range))
    const before = room.seq
    // She cannot come back before Bob has spoken.
    let letIn = (): void => undefined
    login = new Promise((resolve) => (letIn = resolve))
    mine?.terminate()
    await until(a, 'reconnecting')
    const { seq } = await other.send('while you were away')
    letIn()
    await vi.waitFor(() => expect(missed).toHaveLength(1), 5000)
    expect(missed[0]).toEqual({ after: before, seq })
    expect(a.state).toBe('online')
    expect(await a.join(room_id)).toBe(room)
    await vi.waitFor(() =>
      expect(other.peers.get(a.me.peer_id)).toMatchObject({ status: 'busy', note: 'on the phone' }),
    )
    expect([...room.peers.keys()].toSorted()).toEqual([a.me.peer_id, b.me.peer_id].toSorted())
    const heard = new Promise((resolve) => room.on('message', ({ text }) => resolve(text)))
    await other.send('welcome back')
    expect(await heard).toBe('welcome back')
  })

  it('finds out that it is no member any more', async () => {
    const { server, b, bob, room_id } = await pair()
    const room = await b.join(room_id)
    const left = new Promise((resolve) => room.on('left', resolve))
    // Bob's is the younger one. He is removed while he is away.
    ;[...server.sockets][1]?.terminate()
    await until(b, 'reconnecting')
    await server.mesh.rooms.removeMember('administrator', room_id, bob)
    expect(await left).toBe('removed')
  })
})

describe('the end of a connection', () => {
  it('is final where the server says so', async () => {
    const server = await world()
    const ann = await server.user('ann')
    const mesh = await online(server, ann)
    const reason = new Promise((resolve) => mesh.on('state', (_state, why) => resolve(why)))
    server.mesh.disconnect({ user_id: ann })
    expect(await reason).toMatchObject({ code: 'AUTH_INVALID', retryable: false })
    expect(mesh.state).toBe('closed')
    expect(server.requests).toHaveLength(1)
  })

  it('is final when the token function says so', async () => {
    const server = await world()
    const ann = await server.user('ann')
    const tokens = [await server.token(ann), 'nonsense']
    const mesh = await online(server, ann, { token: () => tokens.shift() ?? 'asked too often' })
    cut(server)
    await until(mesh, 'closed')
    expect(tokens).toEqual([])
  })

  it('outlives a token function that fails for a while', async () => {
    const server = await world()
    const ann = await server.user('ann')
    const fault = new Error('the login server is away')
    let calls = 0
    const mesh = await online(server, ann, {
      token() {
        if (++calls === 2) throw fault
        return server.token(ann)
      },
    })
    const errors: unknown[] = []
    mesh.on('error', (error) => errors.push(error))
    cut(server)
    await until(mesh, 'reconnecting')
    await until(mesh, 'online')
    expect(errors).toEqual([fault])
    expect(calls).toBe(3)
  })

  it('brings another token for one that has expired', async () => {
    const server = await world({ limits: { token_grace_s: 1 } })
    const ann = await server.user('ann')
    // Ten minutes is what a token lives; this one has a second left.
    const reasons: string[] = []
    const life = await lifeOf(server, ann)
    const mesh = await online(server, ann, {
      token(reason) {
        reasons.push(reason)
        if (reason === 'refresh') throw new Error('not now')
        return server.token(ann, reason === 'connect' ? Date.now() - life + 1500 : Date.now())
      },
    })
    mesh.on('error', () => {})
    await vi.waitFor(() => expect(reasons).toEqual(['connect', 'refresh', 'rejected']), 10_000)
    await until(mesh, 'online')
  })
})

describe('a token about to expire', () => {
  it('is replaced on the same connection', async () => {
    const server = await world()
    const ann = await server.user('ann')
    const life = await lifeOf(server, ann)
    const reasons: string[] = []
    const mesh = await online(server, ann, {
      token(reason) {
        reasons.push(reason)
        return server.token(ann, reason === 'connect' ? Date.now() - life + 5000 : Date.now())
      },
    })
    const states = statesOf(mesh)
    const { expires_at } = await mesh.once('system.token.refreshed', { timeoutMs: 5000 })
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now() + 60_000)
    expect(reasons).toEqual(['connect', 'refresh'])
    expect(states).toEqual([])
  })
})

describe('a server that stops', () => {
  it('is left when it asks for it, and not sought before', async () => {
    const server = await world()
    const mesh = await online(server, await server.user('ann'))
    const states = statesOf(mesh)
    await drain(server, mesh, 300)
    const start = performance.now()
    await vi.waitFor(() => expect(states).toEqual(['reconnecting', 'online']), 5000)
    expect(performance.now() - start).toBeGreaterThan(250)
  })

  it('is not sought before when it goes first', async () => {
    const server = await world()
    const mesh = await online(server, await server.user('ann'))
    const states = statesOf(mesh)
    await drain(server, mesh, 700)
    const start = performance.now()
    cut(server)
    await vi.waitFor(() => expect(states).toEqual(['reconnecting', 'online']), 5000)
    expect(performance.now() - start).toBeGreaterThan(650)
  })
})

describe('liveness', () => {
  it('answers the server and asks it', async () => {
    const server = await world({ limits: { heartbeat_s: 1 } })
    const mesh = await online(server, await server.user('ann'))
    await mesh.once('system.pong', { timeoutMs: 5000 })
    const ping = { type: 'system.ping', id: crypto.randomUUID(), timestamp: '', from: 'server', to: '', payload: {} }
    for (const socket of server.sockets) socket.send(JSON.stringify(ping))
    await vi.waitFor(() =>
      expect(server.sent).toContainEqual(expect.objectContaining({ type: 'system.pong', reply_to: ping.id })),
    )
    expect(mesh.state).toBe('online')
  })

  it('gives up a connection that has gone silent, and goes on over another', async () => {
    const server = await world({ limits: { heartbeat_s: 1, pong_timeout_s: 1 } })
    const wire = await lay(server)
    const mesh = await online(server, await server.user('ann'), { url: wire.url })
    const { peer_id } = mesh.me
    const reason = new Promise((resolve) => mesh.on('state', (_state, why) => resolve(why)))
    wire.stall()
    expect(await reason).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'no_pong' } })
    await until(mesh, 'online')
    expect(mesh.me.peer_id).toBe(peer_id)
  })
})

/** Milliseconds that an access token of this server lives. */
async function lifeOf(server: TestServer, user_id: string): Promise<number> {
  const [, claims = ''] = (await server.token(user_id, Date.now())).split('.')
  const { exp, iat } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number; iat: number }
  return (exp - iat) * 1000
}

/** The server says that it is about to stop, and goes on. */
async function drain(server: TestServer, mesh: Mesh, reconnect_after_ms: number): Promise<void> {
  const told = mesh.once('system.draining')
  const envelope = { type: 'system.draining', id: crypto.randomUUID(), timestamp: new Date().toISOString() }
  const payload = { reconnect_after_ms }
  for (const socket of server.sockets) {
    socket.send(JSON.stringify({ ...envelope, from: 'server', to: mesh.me.peer_id, payload }))
  }
  await told
}
