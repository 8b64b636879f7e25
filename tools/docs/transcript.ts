import { createTestMesh, type Frame, type TestClient } from '@mesh/core/testing'
import type { Clock, Ids } from '@mesh/core'

const fingerprint = `sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`
const sdp = `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:${fingerprint}\r\n`
const candidate = {
  candidate: 'candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host',
  sdpMid: '0',
  sdpMLineIndex: 0,
  usernameFragment: 'frag',
}

/** A frame that went one way or the other between the engine and a client. */
export interface Passed {
  name: string
  way: '->' | '<-'
  frame: Record<string, unknown> & { type: string }
}

/** {@link recordCall} as text. */
export async function transcriptSection(): Promise<string> {
  const lines = (await recordCall()).map(({ name, way, frame }, at) => {
    const gap = way === '->' && at > 0 ? '\n' : ''
    return `${gap}${name} ${way} ${shorten(frame)}`
  })
  return ['```text', ...lines, '```'].join('\n')
}

/**
 * A whole call between two peers, as the engine really does it: hello, join, chat, capability, offer, answer, candidates,
 * bye. Ids and clock are counted, so that it comes out the same every time.
 */
export async function recordCall(): Promise<Passed[]> {
  const { mesh, open, user, room, token } = await createTestMesh({ ids: countingIds(), clock: countingClock() })
  const recording: Recording = { passed: [], clients: [] }
  try {
    const [ana, ben] = [await user('ana'), await user('ben')]
    const room_id = await room(ana, { [ben]: 'member' })
    const a = record('ana', open(), recording)
    const b = record('ben', open(), recording)

    await a.ask('system.hello', 'server', { token: await token(ana) })
    await b.ask('system.hello', 'server', { token: await token(ben) })
    await a.ask('room.join', room_id, {})
    await b.ask('room.join', room_id, {})
    await a.ask('chat.message.send', room_id, { text: 'May I call you?' })
    const granted = await a.ask('capability.request', 'server', { room_id, caps: ['call'], target_peer_id: b.peer_id })

    const rtc_id = 'rtc_0000000000000000000001'
    const offer = { rtc_id, room_id, purpose: 'call', sdp, cap_token: granted.payload['token'] }
    await a.tell('rtc.offer', b.peer_id, offer, b)
    await a.tell('rtc.ice', b.peer_id, { rtc_id, candidate }, b)
    await b.tell('rtc.answer', a.peer_id, { rtc_id, sdp }, a)
    await b.tell('rtc.ice', a.peer_id, { rtc_id, candidate }, a)
    await a.tell('rtc.ice', b.peer_id, { rtc_id, candidate: null }, b)
    await b.tell('rtc.ice', a.peer_id, { rtc_id, candidate: null }, a)
    await b.tell('rtc.bye', a.peer_id, { rtc_id, reason: 'hangup' }, a)
    await a.ask('rtc.answer', b.peer_id, { rtc_id, sdp })
    return recording.passed
  } finally {
    await mesh.close()
  }
}

/** What is written down, and the clients that write: each frame stands where it came. */
interface Recording {
  passed: Passed[]
  clients: { catchUp(): void }[]
}

/** A client that writes down what goes either way. */
function record(name: string, client: TestClient, { passed, clients }: Recording) {
  let seen = 0
  const recorder = {
    catchUp() {
      for (const frame of client.frames.slice(seen)) passed.push({ name, way: '<-', frame: { ...frame } })
      seen = client.frames.length
    },
    get peer_id() {
      return client.peer_id
    },
    async ask(type: string, to: string, payload: object): Promise<Frame> {
      const id = sending(type, to, payload)
      const answer = await client.next((frame) => frame.reply_to === id)
      for (const each of clients) each.catchUp()
      return answer
    },
    /** Sends a signal, which is answered by nothing: it has gone through when the other end has it. */
    async tell(type: string, to: string, payload: object, receiver: { heard(type: string): Promise<Frame> }) {
      sending(type, to, payload)
      await receiver.heard(type)
      for (const each of clients) each.catchUp()
    },
    heard: (type: string) => client.next(type),
  }
  clients.push(recorder)
  return recorder

  function sending(type: string, to: string, payload: object): string {
    const id = client.send(type, to, payload)
    passed.push({ name, way: '->', frame: { type, id, timestamp: started, to, payload } })
    return id
  }
}

const started = '2026-01-01T12:00:00.000Z'

/** A frame on one line, with the parts that fill pages cut down to how they begin. */
function shorten(frame: object): string {
  const short = JSON.stringify(frame, (key, value: unknown) => {
    if ((key === 'token' || key === 'cap_token') && typeof value === 'string' && value.startsWith('eyJ')) return 'eyJ…'
    if (key === 'sdp') return 'v=0…'
    return key === 'limits' ? '…' : value
  })
  return short.replace('"limits":"…"', '"limits":{…}')
}

function countingIds(): Ids {
  let count = 0
  const next = (length: number) => String(++count).padStart(length, '0')
  return {
    id: (kind) => `${kind}_${next(22)}`,
    uuid: () => `00000000-0000-4000-8000-${next(12)}`,
    secret: () => next(22),
  }
}

/** A clock that stands still, and whose timers never come. */
function countingClock(): Clock {
  return { now: () => Date.parse(started), monotonic: () => 0, after: () => () => {} }
}
