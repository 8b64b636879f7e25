import type { World } from './kit.ts'
import {
  candidateOf,
  comeBack,
  createWorld,
  grant,
  newRtcId,
  openCall,
  resumeOf,
  ring,
  sdpOf,
  settle,
  unhurried,
} from './kit.ts'
import { p2pEnd } from './p2p-kit.ts'
import { createSlowStorage } from './slow-storage.ts'
import { share } from './terminal-kit.ts'
import type { Frame, TestClient } from './test-mesh.ts'

/** What is done to somebody in the middle of things. */
export type Blow = 'remove' | 'demote' | 'policy' | 'delete' | 'logout'

/** What came of a race. Not published. */
export interface Race {
  w: World
  blow: Blow
  /** What bob got, over all his connections, in order and each frame once. */
  bob: Frame[]
  /** What the others got, who stayed. */
  others: TestClient[]
  /** Every session of the room, by the event that asks whether it is still there. */
  sessions: { type: string; to: string; payload: object }[]
  bobs: { user_id: string; peer_ids: string[] }
  terminal_id: string
}

/**
 * Bob, a member, is in a call, a session between agents, and in control of a terminal, each at a random stage; everybody
 * goes on with it, he loses his connection perhaps, and somewhere in between the blow falls. The storage takes its time:
 * random numbers of `turn`s of the event loop.
 */
export async function race(seed: number, blow: Blow, turn: () => Promise<void>): Promise<Race> {
  let state = seed | 1
  const random = (n: number) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    return ((state >>> 8) % n) | 0
  }
  let turns = 0
  const pause = async (most: number) => {
    for (let i = random(most); i > 0; i--) await turn()
  }
  const storage = createSlowStorage(async () => void (turns > 0 && (await pause(turns))))
  const w = await createWorld({ storage, limits: { ...unhurried, resume_window_s: 120 } })
  await w.setCaps({ member: ['call', 'share:file', 'terminal:view', 'terminal:control'] })
  const [a, c] = [await w.enter(w.ann), await w.enter(w.cleo)]
  const first = await w.enter(w.bob)
  let b = first
  const room_id = w.room
  // What earlier connections took in, and how much of it in this session.
  const earlier: Frame[] = []
  let before = 0

  const terminal_id = await share(a, room_id)
  const tokenOf = {
    a: await grant(a, room_id, ['call', 'share:file']),
    b: await grant(b, room_id, ['call', 'share:file']),
    control: await grant(b, room_id, ['terminal:control'], { target_peer_id: a.peer_id }),
  }
  const rtc_id = random(2) ? await openCall(b, a, room_id) : await ring(b, room_id, a.peer_id)
  const control = { terminal_id, cap_token: tokenOf.control }
  if (random(2)) await b.ask('terminal.control.take', 'server', control)
  const request = (cap_token: string) => ({ ...p2pEnd(), room_id, purpose: 'share:file', cap_token })
  a.send('p2p.session.request', b.peer_id, request(tokenOf.a))
  const asked = await b.next('p2p.session.request')
  const session_id = String(asked.payload.session_id)
  if (random(2)) await b.ask('p2p.session.accept', 'server', { ...p2pEnd(), session_id })
  await settle(a, b, c)

  const sessions: Race['sessions'] = [
    { type: 'rtc.bye', to: first.peer_id, payload: { rtc_id, reason: 'hangup' } },
    { type: 'p2p.session.closed', to: 'server', payload: { session_id, reason: 'cancelled' } },
  ]
  const offer = (cap_token: string, id: string) => ({ rtc_id: id, room_id, purpose: 'call', sdp: sdpOf(), cap_token })
  function ringAnew(from: TestClient, to: string, token: string): void {
    const id = newRtcId()
    if (from === a) sessions.push({ type: 'rtc.bye', to, payload: { rtc_id: id, reason: 'hangup' } })
    from.send('rtc.offer', to, offer(token, id))
  }
  const traffic: (() => unknown)[] = [
    () => b.send('chat.message.send', room_id, { text: 'from bob' }),
    () => a.send('chat.message.send', room_id, { text: 'from ann' }),
    () => b.send('rtc.ice', a.peer_id, { rtc_id, candidate: candidateOf('b') }),
    () => a.send('rtc.ice', first.peer_id, { rtc_id, candidate: candidateOf('a') }),
    () => b.send('rtc.offer', a.peer_id, offer(tokenOf.b, rtc_id)),
    () => a.send('rtc.answer', first.peer_id, { rtc_id, sdp: sdpOf() }),
    () => ringAnew(b, a.peer_id, tokenOf.b),
    () => ringAnew(a, w.bob, tokenOf.a),
    () => b.send('presence.update', room_id, { status: 'busy' }),
    () => b.send('capability.request', 'server', { room_id, caps: ['call'] }),
    () => b.send('terminal.control.take', 'server', control),
    () => b.send('p2p.session.request', a.peer_id, request(tokenOf.b)),
    () => a.send('p2p.session.request', first.peer_id, request(tokenOf.a)),
    () => b.send('p2p.session.accept', 'server', { ...p2pEnd(), session_id }),
    () => b.send('room.join', room_id, {}),
    async () => {
      // What came before a connection breaks off, or only a part of it, has been taken in.
      if (b.closed) return
      const lost = b
      const taken = Math.max(0, lost.frames.length - 1 - random(3))
      lost.vanish()
      earlier.push(...lost.frames.slice(1, 1 + taken))
      await pause(4)
      const back = await comeBack(w, w.bob, resumeOf(lost, before + taken)).catch(() => undefined)
      if (!back) return
      before = back.frames[0]?.payload.resumed ? before + taken : 0
      b = back
    },
  ]
  const blows: Record<Blow, () => unknown> = {
    remove: () => w.remove(w.bob),
    demote: () => w.setRole(w.bob, 'guest'),
    policy: () => w.setCaps({ member: [] }),
    delete: () => w.mesh.rooms.delete('administrator', room_id),
    logout: () => w.mesh.disconnect({ user_id: w.bob }),
  }
  const schedule = Array.from({ length: 14 }, () => traffic[random(traffic.length)] ?? (() => {}))
  schedule.splice(random(schedule.length), 0, blows[blow])

  turns = 5
  const doing: unknown[] = []
  for (const step of schedule) {
    doing.push(step())
    await pause(4)
  }
  await Promise.allSettled(doing)
  turns = 0
  for (let i = 0; i < 3; i++) {
    w.clock.advance(250)
    for (let i = 0; i < 20; i++) await turn()
  }
  const peer_ids = [...new Set([first.peer_id, b.peer_id])]
  // What broke off and did not come back has what it had taken in already.
  const last = b.closed?.code === 1006 ? [] : b.frames.slice(1)
  return {
    w,
    blow,
    bob: [...earlier, ...last],
    others: [a, c],
    sessions,
    bobs: { user_id: w.bob, peer_ids },
    terminal_id,
  }
}
