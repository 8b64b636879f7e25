import { expect, it } from 'vitest'
import { candidateOf, grant, newRtcId, sdpOf } from '../testing/kit.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'
import { everybody, read, topicOf, write } from './messages.ts'

const offered = {
  candidates: [{ host: '203.0.113.5', port: 4000, type: 'host' }],
  fingerprint: `sha-256 ${Array(32).fill('AB').join(':')}`,
}

it('what a peer says about a session on another node just as it leaves its last room is answered', async () => {
  const w = await createTwoNodes()
  const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
  const cap_token = await grant(a, w.room, ['share:file', 'call'])
  const asked = a.send('p2p.session.request', b.peer_id, {
    room_id: w.room,
    purpose: 'share:file',
    cap_token,
    ...offered,
  })
  const rtc_id = newRtcId()
  a.send('rtc.offer', b.peer_id, { rtc_id, room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token })
  await quiet()
  const { session_id } = (await b.next('p2p.session.request')).payload
  // The leaving is told at once, and the rest comes after it: its own node has not heard yet what that has ended.
  b.send('room.leave', w.room, {})
  const ids = [
    b.send('p2p.session.accept', 'server', { session_id, ...offered }),
    b.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf('1') }),
  ]
  await quiet()
  const answers = (of: typeof a, id: string) =>
    of.frames.flatMap(({ reply_to, code, to }) => (reply_to === id ? [{ code, to }] : []))
  for (const id of ids) expect(answers(b, id)).toEqual([{ code: 'NOT_FOUND', to: b.peer_id }])
  expect(answers(a, asked)).toMatchObject([{ code: 'P2P_SESSION_DENIED' }])
})

it('an answer from another node that is for those in the room is NOT_FOUND for whoever has left meanwhile', async () => {
  const w = await createTwoNodes()
  const b = await w.enterOther(w.bob)
  await b.ask('room.leave', w.room, {})
  const from = b.frames.length
  const message = { kind: 'frame', node: 'third', to: b.peer_id, as: 'event', room_id: w.room, life: 1 } as const
  for (const [at, reply_to] of ['the question', undefined].entries()) {
    const event = { type: 'p2p.session.created', id: 'made', from: 'server', to: b.peer_id, reply_to, payload: {} }
    w.line.connect().publish(topicOf(w.other.mesh.node), write({ ...message, n: at + 1 }, JSON.stringify(event)))
  }
  await quiet()
  expect(b.frames.slice(from)).toMatchObject([{ type: 'error', code: 'NOT_FOUND', reply_to: 'the question' }])
})

it('a request that was given up is not answered again when it had got there, unless it was sent again', async () => {
  const w = await createTwoNodes()
  const b = await w.enterOther(w.bob)
  const third = w.line.connect()
  let n = 0
  const tell = async (message: object, text = '') => {
    const sent = { ...message, node: 'third', n: ++n, life: 1 } as Parameters<typeof write>[0]
    third.publish(topicOf(w.other.mesh.node), write(sent, text))
    await quiet()
  }
  const beat = () => third.publish(everybody, JSON.stringify({ kind: 'beat', node: 'third', n: 0 }))
  third.subscribe(topicOf('third'), () => {})
  beat()
  const session_id = `p2p_${'s'.repeat(22)}`
  await tell({ kind: 'home', peer_id: b.peer_id, session_id, isOpen: true })
  const renew = (overrides = {}) => b.send('p2p.session.renew', 'server', { session_id }, overrides)
  const answer = (reply_to: string) => {
    const renewed = { type: 'p2p.session.renewed', id: 'made', from: 'server', to: b.peer_id, reply_to }
    return tell({ kind: 'frame', to: b.peer_id, as: 'event' }, JSON.stringify({ ...renewed, payload: {} }))
  }
  const from = b.frames.length
  const [once, again] = [renew(), renew()]
  // There is no word that they came, though the third node is heard.
  for (let second = 0; second < 20; second++) {
    beat()
    w.clock.advance(1_000)
    await quiet()
  }
  const told = b.frames.slice(from).filter(({ reply_to }) => reply_to === once || reply_to === again)
  expect(told).toMatchObject([{ code: 'UNROUTABLE' }, { code: 'UNROUTABLE' }])
  renew({ id: again })
  await quiet()
  const before = b.frames.length
  for (const id of [once, again]) await answer(id)
  expect(b.frames.slice(before)).toMatchObject([{ type: 'p2p.session.renewed', reply_to: again }])
})

it('a request that another node has taken is UNROUTABLE when that is gone, unless it was answered', async () => {
  const w = await createTwoNodes()
  const b = await w.enterOther(w.bob)
  const third = w.line.connect()
  let n = 0
  const tell = async (message: object, text = '') => {
    const sent = { ...message, node: 'third', n: ++n, life: 1 } as Parameters<typeof write>[0]
    third.publish(topicOf(w.other.mesh.node), write(sent, text))
    await quiet()
  }
  const shout = (kind: 'beat' | 'gone') => third.publish(everybody, JSON.stringify({ kind, node: 'third', n: 0 }))
  let got = { upto: 0, life: 0 }
  third.subscribe(topicOf('third'), (written) => {
    const { message } = read(written)
    if (message.kind === 'call') got = { upto: message.n ?? 0, life: message.life ?? 0 }
  })
  shout('beat')
  const [session_id, rtc_id] = [`p2p_${'s'.repeat(22)}`, newRtcId()]
  await tell({ kind: 'home', peer_id: b.peer_id, session_id, isOpen: true })
  await tell({ kind: 'home', peer_id: b.peer_id, session_id: rtc_id, isOpen: true })
  const renew = () => b.send('p2p.session.renew', 'server', { session_id })
  const [answered, taken] = [renew(), renew()]
  // A signal that got there is not answered, and so nobody owes it anything.
  b.send('rtc.ice', w.ann, { rtc_id, candidate: null })
  await quiet()
  const from = b.frames.length
  const answer = { type: 'p2p.session.renewed', id: 'made', from: 'server', to: b.peer_id, reply_to: answered }
  await tell({ kind: 'frame', to: b.peer_id, as: 'event', got }, JSON.stringify({ ...answer, payload: {} }))
  // Of this one there is no word that it came.
  const lost = renew()
  shout('gone')
  await quiet()
  expect(b.frames.slice(from)).toMatchObject([
    { type: 'p2p.session.renewed', reply_to: answered },
    { type: 'error', code: 'UNROUTABLE', reply_to: lost },
    { type: 'error', code: 'UNROUTABLE', reply_to: taken },
    { type: 'p2p.session.closed', payload: { session_id, reason: 'failed' } },
    { type: 'rtc.bye', payload: { rtc_id, reason: 'failed' } },
  ])
  const before = b.frames.length
  const late = { type: 'p2p.session.renewed', id: 'late', from: 'server', to: b.peer_id, reply_to: taken, payload: {} }
  const anew = { node: 'third', kind: 'frame', to: b.peer_id, as: 'event', n: 1, life: 2 } as const
  third.publish(topicOf(w.other.mesh.node), write(anew, JSON.stringify(late)))
  await quiet()
  expect(b.frames.slice(before)).toEqual([])
})
