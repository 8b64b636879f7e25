import { describe, expect, it } from 'vitest'
import { createTestMesh } from './testing/index.ts'

async function call() {
  const t = await createTestMesh()
  const [ann, bob] = [await t.user('ann'), await t.user('bob')]
  const room = await t.room(ann, { [bob]: 'member' })
  const [a, b] = [await t.connect(ann), await t.connect(bob)]
  return { t, ann, bob, room, a, b }
}

const sdp = (media = 'audio') =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\nm=${media} 9 UDP/TLS/RTP/SAVPF 111\r\n`

describe('a journey through the engine', () => {
  it('joins, talks and calls', async () => {
    const { t, room, a, b, ann } = await call()
    const joined = await a.ask('room.join', room, {})
    expect(joined).toMatchObject({ type: 'room.joined', payload: { role: 'owner', seq: 2 } })
    const other = await b.ask('room.join', room, {})
    expect(other.payload.peers).toHaveLength(2)
    expect((await a.next('presence.update')).payload).toMatchObject({ peer_id: b.peer_id, status: 'online' })

    const said = await a.ask('chat.message.send', room, { text: 'hello' })
    expect(said).toMatchObject({
      type: 'chat.message.created',
      from: a.peer_id,
      payload: { seq: 3, text: 'hello', user_id: ann },
    })
    const heard = await b.next('chat.message.created')
    expect(heard.payload).toEqual(said.payload)
    expect(heard.reply_to).toBeUndefined()

    const granted = await a.ask('capability.request', 'server', { room_id: room, caps: ['call'] })
    expect(granted.type).toBe('capability.granted')
    const rtc_id = `rtc_${'x'.repeat(22)}`
    const offer = { rtc_id, room_id: room, purpose: 'call', sdp: sdp(), cap_token: granted.payload.token }
    a.send('rtc.offer', b.peer_id, offer)
    const rung = await b.next('rtc.offer')
    expect(rung).toMatchObject({ from: a.peer_id, payload: { rtc_id, purpose: 'call' } })
    expect(rung.payload).not.toHaveProperty('cap_token')
    b.send('rtc.ice', a.peer_id, { rtc_id, candidate: { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 } })
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdp() })
    expect((await a.next('rtc.answer')).from).toBe(b.peer_id)
    expect((await a.next('rtc.ice')).payload.candidate).toMatchObject({ candidate: 'candidate:1' })
    a.send('rtc.bye', b.peer_id, { rtc_id, reason: 'hangup' })
    expect((await b.next('rtc.bye')).payload.reason).toBe('hangup')
    const passed = ['chat.message.send', 'rtc.offer', 'rtc.ice'].map((type) => t.mesh.stats().passed.get(type)?.frames)
    expect(passed).toEqual([1, 1, 1])
    expect(t.mesh.stats().passed.get('rtc.offer')?.bytes).toBeGreaterThan(sdp().length)
    a.vanish()
    expect((await b.next((frame) => frame.payload.status === 'reconnecting')).payload.peer_id).toBe(a.peer_id)
  })

  it('answers what the contract says and delivers nothing', async () => {
    const { t, room, a, b, ann } = await call()
    await a.ask('room.join', room, {})
    const rtc_id = `rtc_${'y'.repeat(22)}`
    const offer = { rtc_id, room_id: room, purpose: 'call', sdp: sdp() }
    expect(await a.ask('rtc.offer', b.peer_id, offer)).toMatchObject({ type: 'error', code: 'CAP_REQUIRED' })
    expect(await a.ask('rtc.offer', b.peer_id, { ...offer, cap_token: 'x.y.z' })).toMatchObject({ code: 'CAP_INVALID' })
    const granted = await a.ask('capability.request', 'server', { room_id: room, caps: ['call'] })
    const cap_token = granted.payload.token
    expect(await a.ask('rtc.offer', b.peer_id, { ...offer, cap_token })).toMatchObject({ code: 'UNROUTABLE' })
    await b.ask('room.join', room, {})
    expect(await b.ask('rtc.offer', a.peer_id, { ...offer, cap_token })).toMatchObject({ code: 'CAP_INVALID' })
    expect(await a.ask('rtc.offer', b.peer_id, { ...offer, purpose: 'screen', cap_token })).toMatchObject({
      code: 'CAP_REQUIRED',
      payload: { required: 'screen' },
    })
    expect(await a.ask('rtc.offer', b.peer_id, { ...offer, sdp: sdp('application'), cap_token })).toMatchObject({
      code: 'BAD_MESSAGE',
    })
    expect(await b.ask('rtc.answer', a.peer_id, { rtc_id, sdp: sdp() })).toMatchObject({ code: 'NOT_FOUND' })
    expect(await b.ask('system.ping', 'server', {}, { from: a.peer_id })).toMatchObject({ code: 'BAD_MESSAGE' })
    expect(await b.ask('no.such', 'server', {})).toMatchObject({
      code: 'BAD_MESSAGE',
      payload: { reason: 'unknown_type' },
    })
    await t.mesh.rooms.setMember('administrator', room, await t.user('cleo'), 'owner')
    await t.mesh.rooms.removeMember('administrator', room, ann)
    expect((await a.next('room.left')).payload.reason).toBe('removed')
    expect(await a.ask('rtc.offer', b.peer_id, { ...offer, cap_token })).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(b.frames.filter((frame) => frame.type.startsWith('rtc.'))).toEqual([])
  })
})
