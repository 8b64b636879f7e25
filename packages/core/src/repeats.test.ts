import { describe, expect, it } from 'vitest'
import { comeBack, grant, resumeOf, unhurried } from './testing/kit.ts'
import { createP2pWorld, fingerprintOf, p2pEnd } from './testing/p2p-kit.ts'

const limits = { ...unhurried, resume_window_s: 120 }

describe('a repeated id, when its sender was removed meanwhile,', () => {
  it('brings no token and no addresses of a session that was agreed on while its socket was gone', async () => {
    const w = await createP2pWorld({ limits })
    const payload = {
      ...p2pEnd(),
      room_id: w.room,
      purpose: 'share:file',
      cap_token: await grant(w.b, w.room, ['share:file']),
    }
    const id = w.b.send('p2p.session.request', w.a.peer_id, payload)
    const asked = await w.a.next('p2p.session.request')
    const lost = resumeOf(w.b)
    w.b.vanish()
    await w.accept(String(asked.payload.session_id), w.a)
    await w.remove(w.bob)
    const again = await comeBack(w, w.bob, lost)
    expect(again.frames.filter(({ type }) => type === 'p2p.session.created')).toEqual([])
    const answer = await again.ask('p2p.session.request', w.a.peer_id, payload, { id })
    expect(answer.code).toBe('ACCESS_DENIED')
    expect(JSON.stringify(again.frames)).not.toContain('192.0.2.1')
  })

  it('brings no capability, and none to whoever has not joined the room', async () => {
    const w = await createP2pWorld({ limits })
    await w.b.ask('room.leave', w.room, {})
    const payload = { room_id: w.room, caps: ['call'] }
    const first = await w.b.ask('capability.request', 'server', payload)
    const repeat = () => w.b.ask('capability.request', 'server', payload, { id: first.reply_to })
    expect((await repeat()).payload.token).toBe(first.payload.token)
    await w.remove(w.bob)
    expect((await repeat()).code).toBe('ACCESS_DENIED')
  })

  it('starts no terminal again, but is told that it left', async () => {
    const w = await createP2pWorld({ limits })
    const start = { room_id: w.room, title: 'shell' }
    const started = await w.b.ask('terminal.share.start', w.room, start)
    const left = await w.b.ask('room.leave', w.room, {})
    const repeat = (type: string, payload: object, id: string | undefined) => w.b.ask(type, w.room, payload, { id })
    expect((await repeat('terminal.share.start', start, started.reply_to)).code).toBe('ACCESS_DENIED')
    expect((await repeat('room.leave', {}, left.reply_to)).type).toBe('room.left')
  })
})

it('an answer that is given again is purged with the room where it still waits', async () => {
  const w = await createP2pWorld({ limits })
  const { session_id, accepted } = await w.agree()
  w.b.socket.bufferedAmount = 1e9
  const end = { session_id, ...p2pEnd({ fingerprint: fingerprintOf('B') }) }
  w.b.send('p2p.session.accept', 'server', end, { id: accepted.reply_to })
  await w.remove(w.bob)
  const from = w.b.frames.length
  w.b.socket.bufferedAmount = 0
  w.b.connection.drained()
  expect(w.b.frames.slice(from).map(({ type }) => type)).toEqual(['room.left'])
})
