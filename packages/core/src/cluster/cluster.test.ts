import { describe, expect, it } from 'vitest'
import { candidateOf, grant, heard, join, newRtcId, sdpOf, unhurried } from '../testing/kit.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'
import { ownPeer } from '../capabilities/own-peer.ts'
import { topicOf, write } from './messages.ts'

type Nodes = Awaited<ReturnType<typeof createTwoNodes>>
type Client = Awaited<ReturnType<Nodes['enter']>>

async function offer(w: Nodes, from: Client, to: string, rtc_id = newRtcId()): Promise<string> {
  const cap_token = await grant(from, w.room, ['call'])
  from.send('rtc.offer', to, { rtc_id, room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token })
  await quiet()
  return rtc_id
}

describe('a room on two nodes', () => {
  it('shows who is there, whichever node they are on, before and after', async () => {
    const w = await createTwoNodes()
    const a = await w.enter(w.ann)
    const b = await w.enterOther(w.bob)
    expect(b.frames.find(({ type }) => type === 'room.joined')?.payload.peers).toHaveLength(2)
    expect((await a.next('presence.update')).payload).toMatchObject({
      peer_id: b.peer_id,
      user_id: w.bob,
      status: 'online',
    })
    const c = await w.other.connect(w.cleo)
    const { payload } = await join(c, w.room)
    expect((payload.peers as { peer_id: string }[]).map(({ peer_id }) => peer_id).sort()).toEqual(
      [a.peer_id, b.peer_id, c.peer_id].sort(),
    )
    b.vanish()
    await quiet()
    expect(await a.next('room.left')).toMatchObject({ payload: { peer_id: b.peer_id, reason: 'disconnected' } })
  })

  it('hears of presence and chat once each, in order', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    await quiet()
    const from = a.frames.length
    b.send('presence.update', w.room, { status: 'busy', note: 'in a talk' })
    await quiet()
    w.clock.advance(1_000)
    await quiet()
    await b.ask('chat.message.send', w.room, { text: 'from the other side' })
    await quiet()
    expect(heard(a, from)).toEqual(['presence.update', 'chat.message.created'])
    expect(a.frames[from]?.payload).toMatchObject({ peer_id: b.peer_id, status: 'busy', note: 'in a talk' })
  })
})

describe('a call between two nodes', () => {
  it('rings, is answered, trickles both ways, is renegotiated by either, and ends', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    const rtc_id = await offer(w, a, b.peer_id)
    expect(await b.next('rtc.offer')).toMatchObject({
      from: a.peer_id,
      to: b.peer_id,
      payload: { rtc_id, purpose: 'call' },
    })
    expect((b.frames.at(-1) ?? { payload: {} }).payload).not.toHaveProperty('cap_token')
    b.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf('1 held back') })
    await quiet()
    expect(heard(a)).not.toContain('rtc.ice')
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await quiet()
    expect(await a.next('rtc.answer')).toMatchObject({ from: b.peer_id, payload: { rtc_id } })
    expect(await a.next('rtc.ice')).toMatchObject({ from: b.peer_id })
    a.send('rtc.ice', b.peer_id, { rtc_id, candidate: null })
    await quiet()
    expect(await b.next('rtc.ice')).toMatchObject({ from: a.peer_id, payload: { candidate: null } })
    // The callee renegotiates: its node does not take that for a call of its own.
    await offer(w, b, a.peer_id, rtc_id)
    expect(await a.next('rtc.offer')).toMatchObject({ from: b.peer_id, payload: { rtc_id } })
    a.send('rtc.answer', b.peer_id, { rtc_id, sdp: sdpOf() })
    await quiet()
    await b.next('rtc.answer')
    b.send('rtc.bye', a.peer_id, { rtc_id, reason: 'hangup' })
    await quiet()
    expect(await a.next('rtc.bye')).toMatchObject({ payload: { rtc_id, reason: 'hangup' } })
    expect((await b.ask('rtc.ice', a.peer_id, { rtc_id, candidate: null })).code).toBe('NOT_FOUND')
  })

  it('to a user rings on both nodes, and the first answer wins', async () => {
    const w = await createTwoNodes()
    const a = await w.enter(w.ann)
    const [here, there] = [await w.enter(w.bob), await w.enterOther(w.bob)]
    const rtc_id = await offer(w, a, w.bob)
    await here.next('rtc.offer')
    await there.next('rtc.offer')
    there.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await quiet()
    expect(await a.next('rtc.answer')).toMatchObject({ from: there.peer_id })
    expect(await here.next('rtc.bye')).toMatchObject({ payload: { reason: 'answered_elsewhere' } })
  })

  it("is nobody else's, and errors come back to whoever caused them", async () => {
    const w = await createTwoNodes()
    const [a, b, c] = [await w.enter(w.ann), await w.enterOther(w.bob), await w.enterOther(w.cleo)]
    const rtc_id = await offer(w, a, b.peer_id)
    expect((await c.ask('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })).code).toBe('NOT_FOUND')
    const answer = await b.ask('rtc.answer', a.peer_id, { rtc_id, sdp: 'v=0\r\nnothing' })
    expect(answer).toMatchObject({ type: 'error', code: 'BAD_MESSAGE', to: b.peer_id })
  })

  it('ends at once with a removal, a demotion and a logout on the other node', async () => {
    for (const how of ['removal', 'logout'] as const) {
      const w = await createTwoNodes()
      const sid = `sess_${'q'.repeat(22)}`
      const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob, { sid })]
      await offer(w, a, b.peer_id)
      await b.next('rtc.offer')
      const from = b.frames.length
      if (how === 'removal') await w.remove(w.bob)
      else w.mesh.disconnect({ sid })
      await quiet()
      expect(await a.next('rtc.bye')).toMatchObject({ payload: { reason: 'revoked' } })
      if (how === 'removal') expect(heard(b, from).filter((type) => type === 'room.left').length).toBe(1)
      else expect(b.closed?.code).toBe(4101)
    }
  })
})

describe('a request that reaches another node than the one its peer is connected to', () => {
  it('is about that peer all the same, and still about nobody else', async () => {
    const w = await createTwoNodes()
    const b = await w.enterOther(w.bob, { device_id: `dev_${'d'.repeat(22)}` })
    const cap_token = await grant(b, w.room, ['call'])
    await expect(w.mesh.renewIceServers({ user_id: w.bob, username: 'bob' }, cap_token)).resolves.toHaveProperty(
      'expires_at',
    )
    await expect(w.mesh.renewIceServers({ user_id: w.ann, username: 'ann' }, cap_token)).rejects.toMatchObject({
      code: 'CAP_INVALID',
    })
    for (const id of [b.peer_id, `dev_${'d'.repeat(22)}`]) {
      expect(ownPeer(w.mesh.peersOf, { user_id: w.bob }, id)?.peer_id).toBe(b.peer_id)
      expect(ownPeer(w.mesh.peersOf, { user_id: w.bob, device_id: `dev_${'e'.repeat(22)}` }, id)).toBeUndefined()
    }
  })
})

describe('a P2P session between two nodes', () => {
  it('is asked for, accepted, renewed and closed', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    const fingerprint = `sha-256 ${Array(32).fill('AB').join(':')}`
    const candidates = [{ host: '203.0.113.5', port: 4000, type: 'host' }]
    const cap_token = await grant(a, w.room, ['share:file'])
    const id = a.send('p2p.session.request', b.peer_id, {
      room_id: w.room,
      purpose: 'share:file',
      cap_token,
      candidates,
      fingerprint,
    })
    await quiet()
    const asked = await b.next('p2p.session.request')
    const { session_id } = asked.payload as { session_id: string }
    expect(asked.from).toBe(a.peer_id)
    const created = await b.ask('p2p.session.accept', 'server', { session_id, candidates, fingerprint })
    expect(created).toMatchObject({
      type: 'p2p.session.created',
      payload: { role: 'acceptor', peer: { peer_id: a.peer_id } },
    })
    await quiet()
    expect(await a.next((frame) => frame.reply_to === id)).toMatchObject({ type: 'p2p.session.created' })
    const renewal = await grant(b, w.room, ['share:file'])
    expect((await b.ask('p2p.session.renew', 'server', { session_id, cap_token: renewal })).type).toBe(
      'p2p.session.renewed',
    )
    expect((await b.ask('p2p.session.closed', 'server', { session_id, reason: 'completed' })).type).toBe(
      'p2p.session.closed',
    )
    await quiet()
    expect(await a.next('p2p.session.closed')).toMatchObject({ payload: { session_id, reason: 'completed' } })
  })
})

describe('a terminal on one node, controlled from the other', () => {
  it('is granted with a fence, and freed at once when the holder is removed', async () => {
    const w = await createTwoNodes()
    const [host, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    await w.setCaps({ member: ['terminal:control'] })
    await quiet()
    const { payload } = await host.ask('terminal.share.start', w.room, { room_id: w.room, title: 'shell' })
    await quiet()
    const cap_token = await grant(b, w.room, ['terminal:control'], { target_peer_id: host.peer_id })
    const granted = await b.ask('terminal.control.take', 'server', { terminal_id: payload.terminal_id, cap_token })
    expect(granted).toMatchObject({ type: 'terminal.control.granted', payload: { fence: 1, peer_id: b.peer_id } })
    await quiet()
    expect(await host.next('terminal.control.granted')).toMatchObject({ payload: { fence: 1 } })
    await w.remove(w.bob)
    await quiet()
    expect(await host.next('terminal.control.released')).toMatchObject({ payload: { fence: 1, reason: 'revoked' } })
  })
})

describe('when a node is not heard', () => {
  it('a peer there is UNROUTABLE at once while the bus is down, and reachable again afterwards', async () => {
    const w = await createTwoNodes({ limits: unhurried })
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    const rtc_id = await offer(w, a, b.peer_id)
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await quiet()
    w.line.cut(true)
    const cap_token = await grant(a, w.room, ['call'])
    const again = { rtc_id: newRtcId(), room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token }
    expect((await a.ask('rtc.offer', b.peer_id, again)).code).toBe('UNROUTABLE')
    expect((await a.ask('rtc.ice', b.peer_id, { rtc_id, candidate: null })).code).toBe('UNROUTABLE')
    expect((await b.ask('rtc.ice', a.peer_id, { rtc_id, candidate: null })).code).toBe('UNROUTABLE')
    w.line.cut(false)
    const from = b.frames.length
    a.send('rtc.ice', b.peer_id, { rtc_id, candidate: null })
    await quiet()
    expect(heard(b, from)).toContain('rtc.ice')
  })

  it('the end of a call that comes while the bus is down is told when it is back', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.bob), await w.enterOther(w.cleo)]
    const rtc_id = await offer(w, a, b.peer_id)
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await quiet()
    w.line.cut(true)
    await w.remove(w.bob)
    await quiet()
    // What waits keeps asking for its way; that nobody hears it is no sign that the other node is gone.
    for (let s = 0; s < 10; s++) {
      if (s === 8) w.line.cut(false)
      w.clock.advance(1_000)
      await quiet()
    }
    expect(await b.next('rtc.bye')).toMatchObject({ payload: { rtc_id, reason: 'revoked' } })
  })

  it('what was stored meanwhile is read before anybody acts', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    w.line.cut(true)
    await w.remove(w.bob)
    expect((await b.ask('chat.message.send', w.room, { text: 'still here?' })).code).toBe('ACCESS_DENIED')
    expect(heard(b)).toContain('room.left')
    await a.ask('chat.message.send', w.room, { text: 'gone' })
    await quiet()
    expect(heard(b)).not.toContain('chat.message.created')
  })

  it('its peers are gone after 15 s, their calls with them, and are there again when it is', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    const rtc_id = await offer(w, a, b.peer_id)
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdpOf() })
    await quiet()
    w.line.cut(true)
    for (let i = 0; i < 16; i++) {
      w.clock.advance(1_000)
      await quiet()
    }
    expect(await a.next('rtc.bye')).toMatchObject({ payload: { rtc_id, reason: 'failed' } })
    expect(await b.next('rtc.bye')).toMatchObject({ payload: { rtc_id, reason: 'failed' } })
    expect(await a.next('room.left')).toMatchObject({ payload: { peer_id: b.peer_id, reason: 'disconnected' } })
    w.line.cut(false)
    const from = a.frames.length
    for (let i = 0; i < 2; i++) {
      w.clock.advance(1_000)
      await quiet()
    }
    expect(a.frames.slice(from)).toContainEqual(
      expect.objectContaining({ type: 'presence.update', payload: expect.objectContaining({ peer_id: b.peer_id }) }),
    )
    await offer(w, a, b.peer_id)
    await b.next('rtc.offer')
  })

  it('the owners of the agents there are to be told, as long as nobody else does', async () => {
    for (const isSilent of [true, false]) {
      const w = await createTwoNodes({ notifier: { send: async () => ({ outcome: 'sent' }) } })
      await w.enter(w.ann)
      const device_id = `dev_${'d'.repeat(22)}`
      const device = { device_id, name: 'agent', public_key: 'key', jkt: 'jkt', created_at: 0, expires_at: 9e15 }
      await w.storage.enrolments.create({ code_hash: 'hash', user_id: w.bob, created_at: 0, expires_at: 9e15 }, 1)
      await w.storage.enrolments.redeem('hash', device, 1)
      await w.enterOther(w.bob, { device_id })
      await w.enterOther(w.cleo)
      w.line.cut(isSilent)
      for (let i = 0; i < 16; i++) {
        w.clock.advance(1_000)
        await quiet()
      }
      const waiting = await w.storage.deliveries.list({ limit: 9 })
      expect(waiting.map(({ topic }) => topic)).toEqual(isSilent ? [`agent ${device_id}`] : [])
    }
  })

  it('that stops takes its peers with it at once', async () => {
    const w = await createTwoNodes()
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    await w.other.mesh.close()
    await quiet()
    expect(await a.next('room.left')).toMatchObject({ payload: { peer_id: b.peer_id } })
    expect(
      (
        await a.ask('rtc.offer', b.peer_id, {
          rtc_id: newRtcId(),
          room_id: w.room,
          purpose: 'call',
          sdp: sdpOf(),
          cap_token: await grant(a, w.room, ['call']),
        })
      ).code,
    ).toBe('UNROUTABLE')
  })
})

describe('a frame of a room from another node', () => {
  it('reaches a peer that is in the room, and not one that has left meanwhile', async () => {
    const w = await createTwoNodes()
    const b = await w.enterOther(w.bob)
    const bus = w.line.connect()
    let n = 0
    const late = async () => {
      const message = {
        kind: 'frame',
        node: 'third',
        to: b.peer_id,
        as: 'event',
        room_id: w.room,
        n: ++n,
        life: 1,
      } as const
      const event = { type: 'rtc.bye', id: String(n), from: 'server', to: b.peer_id, payload: {} }
      bus.publish(topicOf(w.other.mesh.node), write(message, JSON.stringify(event)))
      await quiet()
      return b.frames.some(({ id }) => id === String(n))
    }
    expect(await late()).toBe(true)
    await b.ask('room.leave', w.room, {})
    expect(await late()).toBe(false)
  })
})
