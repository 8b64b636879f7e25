import { describe, expect, it } from 'vitest'
import { grant, heard, newRtcId, resumeOf, sdpOf, unhurried } from '../testing/kit.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'

/** Bob was on the first node, went away without a word, and comes back to the other one. */
async function moved(limits: object = {}) {
  const w = await createTwoNodes({ limits: { ...unhurried, resume_window_s: 120, ...limits } })
  const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
  const resume = resumeOf(b)
  b.vanish()
  await a.ask('chat.message.send', w.room, { text: 'while you were away' })
  const back = w.other.open()
  const come = async (extra: object = {}) => {
    back.send('system.hello', 'server', { token: await w.token(w.bob), resume: { ...resume, ...extra } })
    await quiet()
    return back.frames[0]
  }
  return { ...w, a, b, back, come }
}

describe('a client that comes back to another node', () => {
  it('goes on with its session: what it missed comes, what it says arrives, and it is the same peer', async () => {
    const w = await moved()
    const welcome = await w.come()
    expect(welcome?.payload).toMatchObject({ resumed: true, peer_id: w.b.peer_id })
    expect((await w.back.next('chat.message.created')).payload.text).toBe('while you were away')
    const said = await w.back.ask('chat.message.send', w.room, { text: 'back again' })
    expect(said.type).toBe('chat.message.created')
    expect((await w.a.next(({ payload }) => payload.text === 'back again')).from).toBe(w.b.peer_id)
    const rtc_id = newRtcId()
    const cap_token = await grant(w.a, w.room, ['call'])
    w.a.send('rtc.offer', w.b.peer_id, { rtc_id, room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token })
    await quiet()
    await w.back.next('rtc.offer')
    w.back.send('rtc.answer', w.a.peer_id, { rtc_id, sdp: sdpOf() })
    await quiet()
    await w.a.next('rtc.answer')
  })

  it('is judged by the node of its session: a spent token, a stranger and a session that is over begin anew', async () => {
    const w = await moved()
    expect((await w.come({ token: 'x'.repeat(43) }))?.payload.resumed).toBe(false)
    expect(w.back.peer_id).not.toBe(w.b.peer_id)
    expect((await w.back.ask('system.ping', 'server', {})).type).toBe('system.pong')
  })

  it('with a bad access token is refused with 4100', async () => {
    const w = await moved()
    w.back.send('system.hello', 'server', { token: 'nonsense', resume: resumeOf(w.b) })
    await quiet()
    expect(w.back.frames[0]?.code).toBe('AUTH_INVALID')
    expect(w.back.closed?.code).toBe(4100)
  })

  it('may say nothing before the welcome, and not without end after it', async () => {
    const w = await moved({ frames: { burst: 20, per_s: 1 } })
    w.back.send('system.hello', 'server', { token: await w.token(w.bob), resume: resumeOf(w.b) })
    w.back.send('system.ping', 'server', {})
    expect(w.back.closed?.code).toBe(4102)
    const again = w.other.open()
    again.send('system.hello', 'server', { token: await w.token(w.bob), resume: resumeOf(w.b) })
    await quiet()
    for (let i = 0; i < 30; i++) again.send('system.ping', 'server', {})
    await quiet()
    expect(again.closed?.code).toBe(4005)
  })

  it('may not send more bytes than others', async () => {
    const w = await moved({ bytes: { burst: 20_000, per_s: 1 } })
    await w.come()
    for (let i = 0; i < 30 && !w.back.closed; i++) {
      w.back.send('chat.message.send', w.room, { text: 'x'.repeat(1_000) })
      await quiet()
    }
    expect(w.back.closed?.code).toBe(4005)
  })

  it('is told of a revocation and of its end, and its leaving is heard', async () => {
    const w = await moved()
    await w.come()
    await w.remove(w.bob)
    await quiet()
    expect(await w.back.next('room.left')).toMatchObject({ payload: { reason: 'removed' } })
    w.mesh.disconnect({ user_id: w.bob })
    await quiet()
    expect(w.back.closed?.code).toBe(4101)
  })

  it('leaves for good with 1001, and stays away for a while with anything else', async () => {
    for (const [code, isLeaving] of [
      [1001, true],
      [1006, false],
    ] as const) {
      const w = await moved()
      await w.come()
      await quiet()
      const from = w.a.frames.length
      w.back.connection.closed(code)
      await quiet()
      expect(heard(w.a, from).includes('room.left')).toBe(isLeaving)
    }
  })

  it('is pinged by the node of its session, and cut when it gives no sign of life', async () => {
    const w = await moved({ heartbeat_s: 25, pong_timeout_s: 8 })
    await w.come()
    let seconds = 0
    for (; seconds < 80 && !w.back.closed; seconds++) {
      w.clock.advance(1_000)
      await quiet()
      // For half a minute it answers below the protocol.
      if (seconds < 30) w.back.socket.received++
    }
    expect(seconds).toBeGreaterThan(30 + 25)
    expect(w.back.closed?.code).toBe(4004)
  })

  it('is cut by the node of its socket when it does not read, whether it says anything or not', async () => {
    for (const isTalking of [false, true]) {
      const w = await moved()
      await w.come()
      const { queue_bytes, kept_bytes } = w.other.mesh.limits
      // What it missed comes all at once, on top of what may wait for everybody.
      w.back.socket.bufferedAmount = queue_bytes + kept_bytes
      w.clock.advance(1_000)
      if (isTalking) w.back.send('system.ping', 'server', {})
      expect(w.back.closed).toBeUndefined()
      w.back.socket.bufferedAmount++
      if (isTalking) w.back.send('system.ping', 'server', {})
      else w.clock.advance(1_000)
      expect(w.back.closed?.code).toBe(4002)
    }
  })

  it('loses its socket when the two nodes do not hear each other any more, and its session waits for it', async () => {
    const w = await moved()
    await w.come()
    w.line.cut(true)
    const from = w.a.frames.length
    for (let i = 0; i < 16; i++) {
      w.clock.advance(1_000)
      await quiet()
    }
    expect(w.back.closed?.code).toBe(1013)
    const shown = w.a.frames.slice(from).filter(({ type }) => type === 'presence.update')
    expect(shown.at(-1)?.payload).toMatchObject({ peer_id: w.b.peer_id, status: 'reconnecting' })
  })

  it('may come again when that node is gone', async () => {
    const w = await moved()
    await w.come()
    await w.mesh.close()
    await quiet()
    expect(w.back.closed?.code).toBe(1012)
    const third = w.other.open()
    third.send('system.hello', 'server', { token: await w.other.token(w.bob), resume: resumeOf(w.back) })
    await quiet()
    expect(third.frames[0]?.payload.resumed).toBe(false)
  })
})
