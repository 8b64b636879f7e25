import type { Call, Calls } from '@mesh/client-sdk/webrtc'
import { createCalls } from '@mesh/client-sdk/webrtc'
import type { Mesh, Room } from '@mesh/client-sdk'
import { describe, expect, it, vi } from 'vitest'
import type { ServeOptions } from './serve.ts'
import { after, cleanUp, cut, online, pair, until } from './world.ts'

cleanUp()

const sdp = (media = 'audio') =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\nm=${media} 9 UDP/TLS/RTP/SAVPF 111\r\n`

const newId = () => `rtc_${crypto.randomUUID().replaceAll('-', '')}`

/** Ann calls by hand; Bob has the calls of the room. What needs an RTCPeerConnection is tested in a browser. */
async function ready(options: ServeOptions = {}) {
  const all = await pair(options)
  const [here, there] = [await all.a.join(all.room_id), await all.b.join(all.room_id)]
  const calls = createCalls(there)
  after(async () => calls.close())
  return { ...all, here, there, calls, sockets: [...all.server.sockets] }
}

async function ring(room: Room, calls: Calls, to: string, rtc_id = newId()): Promise<{ call: Call; rtc_id: string }> {
  const incoming = new Promise<Call>((resolve) => calls.on('incoming', resolve))
  const { token: cap_token } = await room.capability(['call'])
  await room.mesh.send('rtc.offer', { rtc_id, room_id: room.id, purpose: 'call', sdp: sdp(), cap_token }, { to })
  return { call: await incoming, rtc_id }
}

const ended = (call: Call) => new Promise((resolve) => call.on('ended', resolve))
const bye = async (mesh: Mesh) => (await mesh.once('rtc.bye', { timeoutMs: 5000 })).reason

describe('an incoming call', () => {
  it('rings and is declined', async () => {
    const { a, b, here, calls } = await ready()
    const { call, rtc_id } = await ring(here, calls, b.me.peer_id)
    expect(call).toMatchObject({ rtc_id, state: 'ringing', direction: 'incoming', purpose: 'call', peer: a.me.peer_id })
    expect([...calls.active.values()]).toEqual([call])
    expect(call.connection).toBeUndefined()
    expect(() => call.removeTrack({} as MediaStreamTrack)).toThrow('not in a state')
    const [said, over] = [bye(a), ended(call)]
    call.decline()
    expect([await said, await over, call.state, call.reason]).toEqual(['declined', 'declined', 'ended', 'declined'])
    expect(calls.active.size).toBe(0)
    await expect(call.accept()).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  it('is declined as busy, and by hanging up', async () => {
    const { a, b, here, calls } = await ready()
    const first = bye(a)
    ;(await ring(here, calls, b.me.peer_id)).call.decline('busy')
    expect(await first).toBe('busy')
    const second = bye(a)
    ;(await ring(here, calls, b.me.peer_id)).call.hangup()
    expect(await second).toBe('declined')
  })

  it('ends when the caller hangs up, and when nobody answers', async () => {
    const { a, b, here, calls } = await ready({ limits: { ring_ms: 150 } })
    const { call, rtc_id } = await ring(here, calls, b.me.peer_id)
    const over = ended(call)
    await a.send('rtc.bye', { rtc_id, reason: 'hangup' }, { to: b.me.peer_id })
    expect(await over).toBe('hangup')
    const unanswered = await ring(here, calls, b.me.peer_id)
    expect(await ended(unanswered.call)).toBe('timeout')
  })

  it('ends when the caller is gone, and when the caller is removed', async () => {
    const { server, ann, b, here, calls, room_id } = await ready({ limits: { resume_window_s: 0 } })
    const cleo = await server.user('cleo')
    await server.mesh.rooms.setMember('administrator', room_id, cleo, 'owner')
    const third = await online(server, cleo, { reconnect: false })
    const gone = ended((await ring(await third.join(room_id), calls, b.me.peer_id)).call)
    ;[...server.sockets].at(-1)?.terminate()
    expect(await gone).toBe('gone')
    const fourth = await online(server, cleo)
    const left = ended((await ring(await fourth.join(room_id), calls, b.me.peer_id)).call)
    await fourth.close()
    expect(await left).toBe('hangup')
    const revoked = ended((await ring(here, calls, b.me.peer_id)).call)
    await server.mesh.rooms.removeMember('administrator', room_id, ann)
    expect(await revoked).toBe('revoked')
  })

  it('ends when this peer leaves, and then hears of no other', async () => {
    const { b, here, there, calls } = await ready()
    const { call } = await ring(here, calls, b.me.peer_id)
    const over = ended(call)
    await there.leave()
    expect(await over).toBe('left')
    expect(calls.active.size).toBe(0)
  })

  it('goes on when the own connection is lost for a moment, and ends with the session', async () => {
    const { a, b, here, calls, server, sockets } = await ready()
    const { call, rtc_id } = await ring(here, calls, b.me.peer_id)
    sockets[1]?.terminate()
    await until(b, 'reconnecting')
    // The other end hears of it as soon as the session goes on.
    const said = a.once('rtc.bye')
    call.decline()
    expect(await said).toEqual({ rtc_id, reason: 'declined' })
    const second = await ring(here, calls, b.me.peer_id)
    const over = ended(second.call)
    cut(server)
    await until(b, 'reconnecting')
    for (const peer of [...server.mesh.peers.values()]) peer.close('connection_limit')
    expect(await over).toBe('disconnected')
  })

  it('is taken by the first device that answers', async () => {
    const { server, a, bob, here, calls, room_id } = await ready()
    const second = await online(server, bob)
    await second.join(room_id)
    const rung = second.once('rtc.offer')
    const { call, rtc_id } = await ring(here, calls, bob)
    await rung
    const [answer, over] = [a.once('rtc.answer'), ended(call)]
    await second.send('rtc.answer', { rtc_id, sdp: sdp() }, { to: a.me.peer_id })
    expect([await over, (await answer).rtc_id]).toEqual(['answered_elsewhere', rtc_id])
  })

  it('fails for both ends where there is no WebRTC', async () => {
    const { a, b, here, calls } = await ready()
    const { call } = await ring(here, calls, b.me.peer_id)
    const said = bye(a)
    await expect(call.accept()).rejects.toThrow(TypeError)
    expect([await said, call.state, call.reason]).toEqual(['failed', 'ended', 'failed'])
  })
})

describe('what the server would not let through', () => {
  it('is refused here as well', async () => {
    const { a, b, here, calls, sockets, server } = await ready()
    const incoming = vi.fn<(call: Call) => void>()
    const { call, rtc_id } = await ring(here, calls, b.me.peer_id)
    calls.on('incoming', incoming)
    const inject = (type: string, from: string, payload: object) =>
      sockets[1]?.send(
        JSON.stringify({ type, id: crypto.randomUUID(), timestamp: '', from, to: b.me.peer_id, payload }),
      )
    const offer = { rtc_id: newId(), room_id: here.id, purpose: 'call', sdp: sdp('application') }
    inject('rtc.bye', `peer_${'x'.repeat(22)}`, { rtc_id, reason: 'hangup' })
    inject('rtc.offer', a.me.peer_id, offer)
    inject('rtc.offer', a.me.peer_id, { ...offer, sdp: sdp(), room_id: `room_${'x'.repeat(22)}` })
    inject('rtc.offer', a.me.peer_id, { ...offer, sdp: sdp(), purpose: 'terminal:view' })
    inject('rtc.offer', `peer_${'x'.repeat(22)}`, { ...offer, rtc_id, sdp: sdp() })
    await vi.waitFor(() => expect(server.sent.at(-1)).toMatchObject({ type: 'rtc.bye', payload: { reason: 'failed' } }))
    await b.request('system.ping', {})
    expect(incoming).not.toHaveBeenCalled()
    expect([...calls.active.values()]).toEqual([call])
    expect(call.state).toBe('ringing')
  })
})

describe('an outgoing call', () => {
  it('does not start where it cannot', async () => {
    const { a, calls } = await ready()
    await expect(calls.start({ to: a.me.peer_id })).rejects.toThrow(TypeError)
    await expect(calls.start({ to: a.me.peer_id, purpose: 'screen' })).rejects.toThrow('needs a stream')
    expect(calls.active.size).toBe(0)
  })
})
