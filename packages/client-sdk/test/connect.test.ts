import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connect } from '@mesh/client-sdk'
import { MeshError } from '@mesh/core/errors'
import { describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { after, cleanUp, online, pair, world } from './world.ts'

cleanUp()

describe('connect', () => {
  it('says who it is in the hello and nowhere else', async () => {
    const server = await world()
    const ann = await server.user('ann')
    const token = await server.token(ann)
    const mesh = await online(server, ann, { token, client: { name: 'test', version: '1' } })
    expect(mesh.state).toBe('online')
    expect(mesh.me).toMatchObject({ user_id: ann, peer_id: expect.stringMatching(/^peer_/) })
    expect(server.sent[0]).toMatchObject({ payload: { token, client: { name: 'test', version: '1' } } })
    expect(server.requests[0]?.url).toBe('/ws')
    expect(JSON.stringify(server.requests[0]?.rawHeaders)).not.toContain(token)
    expect(server.requests[0]?.headers['sec-websocket-protocol']).toBe('mesh.v1')
  })

  it('leaves the token out where there is none', async () => {
    const server = await world({ authenticate: async () => ({ user_id: `usr_${'x'.repeat(22)}`, username: 'x' }) })
    const mesh = await connect({ url: server.url })
    after(mesh.close)
    expect(server.sent[0]?.payload).toEqual({})
  })

  it('takes another WebSocket', async () => {
    const server = await world()
    const mesh = await online(server, await server.user('ann'), { WebSocket })
    await expect(mesh.request('system.ping', {})).resolves.toEqual({})
  })

  it('rejects with what is wrong with the token, and does not try again', async () => {
    const server = await world()
    await expect(connect({ url: server.url, token: 'nonsense' })).rejects.toMatchObject({ code: 'AUTH_INVALID' })
    expect(server.requests).toHaveLength(1)
  })

  it('asks once for another token when the first has expired', async () => {
    const server = await world()
    const ann = await server.user('ann')
    const old = Date.now() - 24 * 3600_000
    const reasons: string[] = []
    const token = (reason: string) => {
      reasons.push(reason)
      return server.token(ann, reason === 'rejected' ? Date.now() : old)
    }
    await online(server, ann, { token })
    expect(reasons).toEqual(['connect', 'rejected'])
    const expired = await server.token(ann, old)
    const before = server.requests.length
    await expect(connect({ url: server.url, token: expired })).rejects.toMatchObject({ code: 'AUTH_EXPIRED' })
    expect(server.requests).toHaveLength(before + 1)
  })

  it('gives up on a server that does not answer', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    after(async () => silent.close())
    await vi.waitFor(() => expect(silent.listening).toBe(true))
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`
    await expect(connect({ url, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { reason: 'timeout' },
    })
    const reason = new Error('enough')
    const abort = new AbortController()
    setTimeout(() => abort.abort(reason), 20)
    await expect(connect({ url, signal: abort.signal })).rejects.toBe(reason)
    await expect(connect({ url, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('gives up on a token that does not come', async () => {
    const server = await world()
    const token = () => new Promise<string>(() => {})
    await expect(connect({ url: server.url, token, timeoutMs: 20 })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(server.requests).toHaveLength(0)
  })

  it('rejects where nobody listens, and where the address is none', async () => {
    await expect(connect({ url: 'ws://127.0.0.1:1' })).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    await expect(connect({ url: 'ftp://example.com' })).rejects.toThrow(TypeError)
    await expect(connect({ url: '/ws' })).rejects.toThrow(TypeError)
  })
})

describe('request', () => {
  it('rejects with the error of the server', async () => {
    const { a, b, ann, server } = await pair()
    const mine = await server.room(ann)
    await expect(b.join(mine)).rejects.toMatchObject({ code: 'ACCESS_DENIED', retryable: false })
    const nowhere = `room_${'x'.repeat(22)}`
    await expect(a.join(nowhere)).rejects.toBeInstanceOf(MeshError)
    await expect(a.request('room.join', {}, { to: nowhere })).rejects.toMatchObject({ code: 'ROOM_NOT_FOUND' })
    const ask = a.request('capability.request', { room_id: mine, caps: ['call'], ttl_s: 5 })
    await expect(ask).rejects.toMatchObject({ code: 'BAD_MESSAGE', details: { path: 'ttl_s' } })
  })

  it('keeps to its deadline and its signal, and leaves nothing behind', async () => {
    const { server, a, room_id } = await pair()
    const reason = new Error('enough')
    for (const socket of server.sockets) socket.pause()
    const late = a.request('room.join', {}, { to: room_id, timeoutMs: 5 })
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'timeout' } })
    const abort = new AbortController()
    const called = a.request('room.join', {}, { to: room_id, signal: abort.signal })
    abort.abort(reason)
    await expect(called).rejects.toBe(reason)
    for (const socket of server.sockets) socket.resume()
    await expect(a.request('system.ping', {}, { signal: abort.signal })).rejects.toBe(reason)
    await expect(a.request('system.ping', {})).resolves.toEqual({})
    // What was called off before was not sent at all.
    expect(server.sent.filter(({ type }) => type === 'system.ping')).toHaveLength(1)
  })

  it('acts once when it is sent again under the same id', async () => {
    const { a, room_id } = await pair()
    const room = await a.join(room_id)
    const id = crypto.randomUUID()
    const first = await room.send('once', { id })
    expect(await room.send('once', { id })).toEqual(first)
  })

  it('rejects at once while there is no connection', async () => {
    const { a } = await pair()
    const waiting = a.once('chat.message.created')
    void waiting.catch(() => {})
    await a.close()
    expect(a.state).toBe('closed')
    await expect(a.request('system.ping', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(a.send('system.pong', {}, { to: 'server' })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: false })
    await expect(a.once('system.pong')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(a.close()).resolves.toBeUndefined()
  })
})

describe('send', () => {
  it('brings an error as an event, or to the one who asked for it', async () => {
    const { a, b, room_id } = await pair()
    const wrong = { rtc_id: `rtc_${'x'.repeat(24)}`, reason: 'hangup' } as const
    const error = a.once('error')
    await a.send('rtc.bye', wrong, { to: b.me.peer_id })
    expect(await error).toMatchObject({ code: 'NOT_FOUND' })
    const confirmed = a.send('rtc.bye', wrong, { to: b.me.peer_id, confirmMs: 5000 })
    await expect(confirmed).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await a.join(room_id)
    await a.send('presence.update', { status: 'away' }, { to: room_id, confirmMs: 30 })
  })
})

describe('on', () => {
  it('calls every listener, whatever the others do, until its own off', async () => {
    const { a, b, room_id } = await pair()
    const fault = new Error('mine')
    const seen: unknown[] = []
    const heard: string[] = []
    b.on('error', (error) => seen.push(error))
    b.on('chat.message.created', () => {
      throw fault
    })
    const off = b.on('chat.message.created', ({ text }, { from, to }) => heard.push(text, String(from), to))
    await b.join(room_id)
    const room = await a.join(room_id)
    await Promise.all([b.once('chat.message.created', { timeoutMs: 5000 }), room.send('one')])
    off()
    await Promise.all([b.once('chat.message.created', { timeoutMs: 5000 }), room.send('two')])
    expect(heard).toEqual(['one', a.me.peer_id, room_id])
    expect(seen).toEqual([fault, fault])
  })

  it('takes no event of the connection itself from the server', async () => {
    const { server, a } = await pair()
    const heard: unknown[] = []
    a.on('state', (state) => heard.push(state))
    a.on('error', (error) => heard.push(error))
    for (const socket of server.sockets) socket.send('{"type":"state","payload":"closed","to":"","id":""}')
    await a.request('system.ping', {})
    expect(heard).toEqual([])
  })

  it('waits once, with a deadline and a signal', async () => {
    const { a } = await pair()
    await expect(a.once('system.draining', { timeoutMs: 5 })).rejects.toMatchObject({ details: { reason: 'timeout' } })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(a.once('system.draining', { signal })).rejects.toThrow('enough')
  })
})

it('closes when it goes out of scope', async () => {
  const server = await world()
  const ann = await server.user('ann')
  {
    await using mesh = await connect({ url: server.url, token: await server.token(ann) })
    expect(server.mesh.peers.has(mesh.me.peer_id)).toBe(true)
  }
  await vi.waitFor(() => expect(server.mesh.peers.size).toBe(0))
})
