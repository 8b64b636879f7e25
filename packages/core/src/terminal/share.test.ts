import { describe, expect, it } from 'vitest'
import { createWorld, grant, join, settle, unhurried } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'
import { askAs, createStage, share } from '../testing/terminal-kit.ts'

const start = (room_id: string, extra: object = {}) => ({ room_id, title: 'build', ...extra })

describe('sharing a terminal', () => {
  it('is told to the room, once each, with a seq', async () => {
    const w = await createWorld()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const started = await b.ask('terminal.share.start', w.room, start(w.room, { cols: 80, rows: 24 }))
    const { terminal_id } = started.payload
    expect(started).toMatchObject({
      type: 'terminal.share.started',
      from: b.peer_id,
      to: w.room,
      payload: { terminal_id, peer_id: b.peer_id, user_id: w.bob, title: 'build', cols: 80, rows: 24, seq: 4 },
    })
    expect(terminal_id).toMatch(/^term_[A-Za-z0-9_-]{22}$/)
    const { reply_to, ...told } = started
    expect(await a.next('terminal.share.started')).toEqual(told)
    expect(reply_to).toBeDefined()
    await settle(a, b)
    for (const { frames } of [a, b]) {
      expect(frames.filter(({ type }) => type === 'terminal.share.started')).toHaveLength(1)
    }
    expect(await w.storage.events.before(w.room, { limit: 1 })).toMatchObject([
      { type: 'terminal.share.started', seq: 4 },
    ])
  })

  it('shows to whoever joins later, with the holder as long as there is one', async () => {
    const s = await createStage(await createWorld())
    const { ann, bob, cleo } = s.peers
    const device_id = 'dev_aaaaaaaaaaaaaaaaaaaaaaaa'
    const agent = await s.enter(s.bob, { device_id })
    const other = await share(agent, s.room, { title: ' Größe\u0301 ', rows: 1 })
    await s.control(cleo)
    const shown = async () => (await join(ann, s.room)).payload.terminals
    const first = { terminal_id: s.terminal_id, peer_id: bob.peer_id, user_id: s.bob, title: 'build', fence: 1 }
    const second = { terminal_id: other, peer_id: agent.peer_id, user_id: s.bob, device_id, title: 'Größé', rows: 1 }
    const held = { ...first, holder: cleo.peer_id, expires_at: '2026-01-01T00:00:15.000Z' }
    const byId = [held, { ...second, fence: 0 }].sort((a, b) => (a.terminal_id < b.terminal_id ? -1 : 1))
    expect(await shown()).toEqual(byId)
    await s.release(cleo)
    expect(await shown()).toContainEqual(first)
    await bob.ask('terminal.share.stop', 'server', { terminal_id: s.terminal_id })
    expect(await shown()).toEqual([{ ...second, fence: 0 }])
  })

  it('is stopped by its host or an owner, and by nobody else', async () => {
    const s = await createStage(await createWorld())
    const { ann, bob, cleo } = s.peers
    const stop = (client: typeof ann, terminal_id = s.terminal_id) =>
      client.ask('terminal.share.stop', 'server', { terminal_id })
    expect((await stop(cleo)).code).toBe('ACCESS_DENIED')
    const another = await s.enter(s.bob)
    expect((await stop(another)).code).toBe('ACCESS_DENIED')
    const dan = await s.connect(s.dan)
    expect((await stop(dan)).code).toBe('NOT_FOUND')
    const outside = await s.connect(s.ann)
    expect((await stop(outside)).code).toBe('ACCESS_DENIED')
    const stopped = await stop(bob)
    expect(stopped).toMatchObject({ type: 'terminal.share.stopped', payload: { terminal_id: s.terminal_id } })
    expect((await ann.next('terminal.share.stopped')).payload).toEqual(stopped.payload)
    expect((await stop(bob)).code).toBe('NOT_FOUND')
    expect((await stop(ann, await share(bob, s.room))).type).toBe('terminal.share.stopped')
    expect((await stop(ann, 'term_aaaaaaaaaaaaaaaaaaaaaaaa')).code).toBe('NOT_FOUND')
  })

  it('acts once for a repeated id, which is answered as before', async () => {
    const w = await createWorld()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const id = crypto.randomUUID()
    const ask = (client: TestClient, extra: object = {}) =>
      askAs(id, client, 'terminal.share.start', w.room, start(w.room, extra))
    const first = await ask(b)
    expect(await ask(b)).toEqual(first)
    const changed = await ask(b, { title: 'another' })
    expect(changed).toMatchObject({ code: 'CONFLICT', payload: { reason: 'repeated_id' } })
    await settle(a)
    expect(a.frames.filter(({ type }) => type === 'terminal.share.started')).toHaveLength(1)
    // A terminal belongs to the peer that shares it: another peer of the user starts one of its own.
    const b2 = await w.enter(w.bob)
    const second = await ask(b2)
    expect(second.payload.terminal_id).not.toBe(first.payload.terminal_id)
  })

  it.each([
    ['a guest', 'cleo', {}, 'ACCESS_DENIED'],
    ['an empty title', 'bob', { title: '' }, 'BAD_MESSAGE'],
    ['a title of blanks', 'bob', { title: '  ' }, 'BAD_MESSAGE'],
    ['a title on two lines', 'bob', { title: 'a\nb' }, 'BAD_MESSAGE'],
    ['a title that runs backwards', 'bob', { title: 'a\u202eb' }, 'BAD_MESSAGE'],
    ['a title of 129 characters', 'bob', { title: 'x'.repeat(129) }, 'BAD_MESSAGE'],
    ['no columns', 'bob', { cols: 0 }, 'BAD_MESSAGE'],
    ['too many rows', 'bob', { rows: 1_001 }, 'BAD_MESSAGE'],
    ['half a row', 'bob', { rows: 1.5 }, 'BAD_MESSAGE'],
    ['another room than the address', 'bob', { room_id: 'room_aaaaaaaaaaaaaaaaaaaaaaaa' }, 'BAD_MESSAGE'],
    ['an unknown field', 'bob', { shell: '/bin/sh' }, 'BAD_MESSAGE'],
  ] as const)('is refused: %s', async (_what, who, extra, code) => {
    const w = await createWorld()
    const client = await w.enter(w[who])
    expect((await client.ask('terminal.share.start', w.room, start(w.room, extra))).code).toBe(code)
    expect((await w.storage.rooms.snapshot(w.room))?.terminals).toEqual([])
  })

  it('needs the peer in the room', async () => {
    const w = await createWorld()
    const [b, d] = [await w.connect(w.bob), await w.connect(w.dan)]
    expect((await b.ask('terminal.share.start', w.room, start(w.room))).code).toBe('ACCESS_DENIED')
    expect((await d.ask('terminal.share.start', w.room, start(w.room))).code).toBe('ACCESS_DENIED')
    const nowhere = 'room_aaaaaaaaaaaaaaaaaaaaaaaa'
    expect((await b.ask('terminal.share.start', nowhere, start(nowhere))).code).toBe('ROOM_NOT_FOUND')
  })

  it('is limited to so many terminals a peer', async () => {
    const w = await createWorld({ limits: { ...unhurried, terminals_per_peer: 2 } })
    const b = await w.enter(w.bob)
    const [first] = [await share(b, w.room), await share(b, w.room)]
    expect((await b.ask('terminal.share.start', w.room, start(w.room))).code).toBe('RATE_LIMITED')
    await share(await w.enter(w.bob), w.room)
    await b.ask('terminal.share.stop', 'server', { terminal_id: first })
    await share(b, w.room)
  })

  it('is announced as a feature', async () => {
    const w = await createWorld()
    const a = await w.connect(w.ann)
    expect(a.frames[0]?.payload.features).toContain('terminal')
  })
})

describe('a terminal', () => {
  it('is vouched for as long as its host is there, whatever time passes', async () => {
    const s = await createStage(await createWorld())
    for (let passed = 0; passed < 200; passed += 20) {
      s.clock.advance(20_000)
      await settle(s.peers.bob)
    }
    expect((await s.take(s.peers.cleo)).type).toBe('terminal.control.granted')
    expect((await join(s.peers.ann, s.room)).payload.terminals).toHaveLength(1)
  })

  it('whose node died is neither shown nor to be had once its time is up', async () => {
    const s = await createStage(await createWorld())
    const { ann, bob, cleo } = s.peers
    const event = { id: crypto.randomUUID(), type: 'terminal.share.started', from: 'server', at: 0, payload: {} }
    const terminal_id = 'term_aaaaaaaaaaaaaaaaaaaaaaaa'
    const now = s.clock.now()
    const host = {
      host_peer_id: bob.peer_id,
      host_user_id: s.bob,
      host_device_id: null,
      title: 'x',
      cols: null,
      rows: null,
    }
    // As another node would have started it, before it died.
    await s.storage.terminals.start(
      { terminal_id, room_id: s.room, ...host, started_at: now, alive_until: now + 1_000 },
      event,
    )
    expect((await join(ann, s.room)).payload.terminals).toHaveLength(2)
    s.clock.advance(1_000)
    expect((await join(ann, s.room)).payload.terminals).toHaveLength(1)
    const cap_token = await grant(cleo, s.room, ['terminal:control'], { target_peer_id: bob.peer_id })
    for (const [type, payload] of [
      ['take', { cap_token }],
      ['renew', { cap_token, fence: 1 }],
      ['release', {}],
    ] as const) {
      const reply = await cleo.ask(`terminal.control.${type}`, 'server', { terminal_id, ...payload })
      expect(reply.code, type).toBe('NOT_FOUND')
    }
  })

  it('leaves no timer behind', async () => {
    const w = await createWorld()
    const before = w.clock.timers
    const s = await createStage(w)
    await s.control(s.peers.cleo)
    for (const client of Object.values(s.peers)) client.vanish()
    for (let i = 0; i < 50; i++) await Promise.resolve()
    s.clock.advance(250)
    expect(w.clock.timers).toBe(before)
  })
})
