import { expect, it } from 'vitest'
import { candidateOf, grant, newRtcId, sdpOf } from '../testing/kit.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'
import { topicOf, write } from './messages.ts'

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
