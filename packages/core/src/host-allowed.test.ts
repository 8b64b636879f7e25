import { expect, it } from 'vitest'
import type { AuthorizeQuestion } from './authorize.ts'
import { grant, openCall, settle } from './testing/kit.ts'
import { createP2pWorld } from './testing/p2p-kit.ts'

it('what the host application allowed beyond the rules goes on when the policy changes, and what the rules allowed ends', async () => {
  let isAsked = true
  const authorize = ({ resource, defaultDecision }: AuthorizeQuestion) =>
    isAsked && resource.cap !== undefined ? true : defaultDecision
  const w = await createP2pWorld({ authorize })
  const setPolicy = async (caps: string[], more: object = {}) => {
    await w.mesh.rooms.update('administrator', w.room, { policy: { caps: { member: caps }, ...more } })
    await settle(w.a, w.b)
  }
  const goodbyes = () => w.a.frames.flatMap(({ type }) => (/closed|bye/.test(type) ? [type] : []))
  await setPolicy([])
  // Of bob, who is a member.
  await openCall(w.b, w.a, w.room)
  const { session_id } = await w.ask({ from: w.b, to: w.a.peer_id }, w.a)
  await w.accept(session_id, w.a)
  await setPolicy([], { max_rate: 0 })
  expect(goodbyes()).toEqual([])

  isAsked = false
  await setPolicy(['call', 'share:file'])
  const rtc_id = await openCall(w.b, w.a, w.room)
  // Asked by the rules again, the session is of the rules as well.
  const cap_token = await grant(w.b, w.room, ['share:file'])
  await w.b.ask('p2p.session.renew', 'server', { session_id, cap_token })
  await setPolicy([])
  expect(goodbyes().toSorted()).toEqual(['p2p.session.closed', 'rtc.bye'])
  expect((await w.a.next('rtc.bye')).payload.rtc_id).toBe(rtc_id)
})
