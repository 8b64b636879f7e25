import type { ConnectOptions, Mesh, Room } from '@mesh/client-sdk'
import { describe, expect, it, vi } from 'vitest'
import type { ServeOptions } from './serve.ts'
import { cleanUp, cut, online, pair, statesOf, until } from './world.ts'

cleanUp()

/** Ann and Bob in their room; Ann gets no token while the door is shut. */
async function together(options: ServeOptions = {}, more: Partial<ConnectOptions> = {}) {
  const all = await pair(options)
  const door = { isShut: false }
  const a = await online(all.server, all.ann, {
    token() {
      if (door.isShut) throw new Error('not now')
      return all.server.token(all.ann)
    },
    ...more,
  })
  a.on('error', () => {})
  const [here, there] = [await a.join(all.room_id), await all.b.join(all.room_id)]
  /** Cuts Ann off; she stays away until the function that this returns is called. */
  const strand = async (): Promise<() => void> => {
    door.isShut = true
    cut(all.server)
    await until(a, 'reconnecting')
    await until(all.b, 'online')
    return () => (door.isShut = false)
  }
  return { ...all, a, here, there, strand }
}

const textsOf = (room: Room): string[] => {
  const texts: string[] = []
  room.on('message', ({ text }) => texts.push(text))
  return texts
}

describe('a connection that is lost for a moment', () => {
  it('is back as if nothing had happened', async () => {
    const { server, a, b, here, there, strand } = await together()
    const [states, texts, me] = [statesOf(a), textsOf(here), a.me]
    const seen: string[] = []
    there.on('presence', ({ peer_id, status }) => peer_id === me.peer_id && seen.push(status))
    const comeBack = await strand()
    await there.send('while you were away')
    // What is asked meanwhile waits, and what is said gets there.
    const pong = a.request('system.ping', {})
    const said = here.send('on my way')
    await here.setStatus('busy')
    expect(here.peers.get(b.me.peer_id)).toBeDefined()
    await vi.waitFor(() => expect(seen.at(-1)).toBe('reconnecting'))
    expect(there.peers.has(me.peer_id)).toBe(true)
    comeBack()
    expect(await pong).toEqual({})
    expect((await said).user_id).toBe(me.user_id)
    expect(texts).toEqual(['while you were away', 'on my way'])
    expect(a.me).toBe(me)
    // A hello comes again under the same id only where the one before was not welcomed.
    const hellos = server.sent.filter(({ type }) => type === 'system.hello').map(({ id }) => id)
    expect(new Set(hellos).size).toBe(hellos.length)
    expect(states).toEqual(['reconnecting', 'online'])
    expect(server.sent.filter(({ type }) => type === 'room.join')).toHaveLength(2)
    await vi.waitFor(() => expect(seen.at(-1)).toBe('busy'))
    expect(seen).not.toContain('offline')
  })

  it.each([4002, 4006, 1012])('is back after a close with %i as well', async (code) => {
    const { server, a } = await together()
    const { me } = a
    for (const socket of server.sockets) socket.close(code)
    await until(a, 'reconnecting')
    await until(a, 'online')
    expect(a.me).toBe(me)
  })

  it('begins anew where the server asks for that', async () => {
    const { server, a, here } = await together()
    const { me } = a
    const missed = new Promise((resolve) => here.on('rejoined', resolve))
    for (const socket of server.sockets) socket.close(4003)
    await missed
    expect(a.me).not.toBe(me)
  })

  it('is back with another token for one that expired meanwhile', async () => {
    const { server, ann } = await pair()
    const expired = await server.token(ann, Date.now() - 24 * 3600_000)
    const reasons: string[] = []
    const mesh = await online(server, ann, {
      token(reason) {
        reasons.push(reason)
        return reasons.length === 2 ? expired : server.token(ann)
      },
    })
    mesh.on('error', () => {})
    const { me } = mesh
    cut(server)
    await until(mesh, 'reconnecting')
    await until(mesh, 'online')
    expect(reasons).toEqual(['connect', 'connect', 'rejected'])
    expect(mesh.me).toBe(me)
  })

  it('does not send what was called off meanwhile', async () => {
    const { server, a, here, strand } = await together()
    const comeBack = await strand()
    await expect(here.send('too late', { timeoutMs: 5 })).rejects.toMatchObject({ details: { reason: 'timeout' } })
    const abort = new AbortController()
    const called = a.request('system.ping', {}, { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(called).rejects.toThrow('enough')
    comeBack()
    await here.send('in time')
    const texts = new Set(server.sent.map(({ payload }) => payload['text']))
    expect([texts.has('too late'), texts.has('in time')]).toEqual([false, true])
  })

  it('does not count the time against a deadline that nobody has set', async () => {
    const { server, a, here, strand } = await together({}, { timeoutMs: 300 })
    for (const socket of server.sockets) socket.pause()
    const pong = a.request('system.ping', {})
    const comeBack = await strand()
    const said = here.send('patient')
    const signal = a.send(
      'rtc.bye',
      { rtc_id: `rtc_${'x'.repeat(24)}`, reason: 'hangup' },
      { to: a.me.peer_id, confirmMs: 300 },
    )
    signal.catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 400))
    comeBack()
    expect([await pong, (await said).text]).toEqual([{}, 'patient'])
    await expect(signal).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('leaves a room that was left meanwhile', async () => {
    const { a, here, there, strand } = await together()
    const comeBack = await strand()
    const left = here.leave()
    expect(there.peers.get(a.me.peer_id)).toBeDefined()
    comeBack()
    await left
    await vi.waitFor(() => expect(there.peers.has(a.me.peer_id)).toBe(false))
  })
})

describe('a session that is over', () => {
  /** Ends Ann's session on the server while she is away, as a restart would. */
  const forget = (mesh: Mesh, server: Awaited<ReturnType<typeof pair>>['server']): void =>
    server.mesh.peers.get(mesh.me.peer_id)?.close('connection_limit')

  it('gives way to another one, from a snapshot, and chat gets there once all the same', async () => {
    const { server, a, here, there, room_id, strand } = await together()
    const { peer_id } = a.me
    const said = textsOf(there)
    await here.setStatus('away', 'lunch')
    const comeBack = await strand()
    const missed = new Promise((resolve) => here.on('rejoined', resolve))
    const chat = here.send('said while away')
    const other = a.request('capability.request', { room_id, caps: ['call'] })
    other.catch(() => undefined)
    forget(a, server)
    const before = here.seq
    const { seq } = await there.send('unheard')
    comeBack()
    await expect(other).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      details: { reason: 'connection_lost' },
    })
    expect(await chat).toMatchObject({ text: 'said while away' })
    expect(await missed).toMatchObject({ after: before, seq: seq })
    expect(a.me.peer_id).not.toBe(peer_id)
    await vi.waitFor(() => expect(there.peers.get(a.me.peer_id)).toMatchObject({ status: 'away', note: 'lunch' }))
    expect(said).toEqual(['unheard', 'said while away'])
  })

  it('has left the rooms that were being left', async () => {
    const { server, a, here, strand } = await together()
    const comeBack = await strand()
    const left = here.leave()
    forget(a, server)
    comeBack()
    await left
    await a.request('system.ping', {})
    expect(server.sent.filter(({ type }) => type === 'room.join')).toHaveLength(2)
  })

  it('lets nobody wait longer than its window', async () => {
    const { a, here, strand } = await together({ limits: { resume_window_s: 1 } })
    const comeBack = await strand()
    const lost = { code: 'UNAVAILABLE', retryable: true, details: { reason: 'connection_lost' } }
    await expect(Promise.all([here.send('hello'), a.request('system.ping', {})])).rejects.toMatchObject(lost)
    await expect(here.send('hello?')).rejects.toMatchObject({ details: { reason: 'offline' } })
    const missed = new Promise((resolve) => here.on('rejoined', resolve))
    comeBack()
    expect(await missed).toBeDefined()
  })

  it('ends what still waits when it is closed', async () => {
    const { a, here, strand } = await together()
    await strand()
    const said = here.send('never mind')
    said.catch(() => undefined)
    await a.close()
    await expect(said).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('both ends', () => {
  it('say how many frames came in, so that nothing has to be kept for ever', async () => {
    const limits = { chat: { burst: 1000, per_s: 1000 }, other: { burst: 1000, per_s: 1000 } }
    const { server, a, b, here, there, room_id } = await together({
      limits: { classes: { ...limits, presence: limits.chat }, frames: limits.chat },
    })
    const acks = () => server.sent.filter(({ type }) => type === 'system.ack')
    for (let n = 0; n < 70; n++) await there.send(String(n))
    // Whoever counted 64 frames says so, and whoever sent 64 that are not answered asks.
    await vi.waitFor(() => expect(acks().at(-1)?.payload['received']).toBeGreaterThanOrEqual(64))
    for (let n = 0; n < 64; n++) await b.send('presence.update', { status: 'away' }, { to: room_id })
    await b.once('system.pong', { timeoutMs: 5000 })
    expect(here.peers.get(b.me.peer_id)?.user_id).toBe(b.me.user_id)
    expect(a.state).toBe('online')
  })

  it('say so a while after the last frame as well', async () => {
    const { server, b } = await pair()
    await b.request('system.ping', {})
    await vi.waitFor(() => expect(server.sent.at(-1)).toMatchObject({ type: 'system.ack', payload: { received: 1 } }), {
      timeout: 7_000,
    })
  })
})

it('a connection that is closed for good is gone at once', async () => {
  const { a, there } = await together()
  const { peer_id } = a.me
  await a.close()
  await vi.waitFor(() => expect(there.peers.has(peer_id)).toBe(false), 500)
})
