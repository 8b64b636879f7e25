// Two people who do nothing wrong, in a process of their own, so that their clock does not wait for the attackers:
// in a room of their own and in a call, at a pace within the default limits, they trickle candidates to and fro, chat, and
// read over REST, until they are asked how it went.
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApi, type Account } from './api.ts'
import { openWire, type Wire } from './wire.ts'

/** How they fared: milliseconds until each thing was answered, and what went wrong. */
export interface Fared {
  /** From a candidate to the other one's candidate in return. */
  signals: number[]
  /** From a message to its acknowledgement. */
  messages: number[]
  /** Of a REST request. */
  requests: number[]
  faults: string[]
}

const patienceMs = 10_000
const description = `v=0\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n`

const [url = '', ...names] = process.argv.slice(2)
const api = createApi(url)
const fared: Fared = { signals: [], messages: [], requests: [], faults: [] }
const fault = (what: string) => void fared.faults.push(`an innocent client: ${what}`)
let isOver = false

const accounts = await Promise.all(names.map(api.login))
const [ann, bob] = accounts
if (!ann || !bob) throw new TypeError('There have to be two of them')
const { room_id } = await api.call<{ room_id: string }>('POST', '/rooms', { name: 'Quiet' }, ann.access_token)
await api.call('PUT', `/rooms/${room_id}/members/${bob.user_id}`, { role: 'member' }, ann.access_token)

const [a, b] = [await enter(ann), await enter(bob)]
const rtc_id = `rtc_${randomBytes(16).toString('base64url')}`
const pending = new Map<string, () => void>()
listen(a.wire, ann, b.peer_id)
listen(b.wire, bob, a.peer_id)
const all = Promise.all([signal(), chat(), read()])

process.once('message', () => {
  isOver = true
  void all.then(() => process.send?.(fared, () => process.exit(0)))
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')

async function enter(account: Account): Promise<{ wire: Wire; peer_id: string }> {
  const wire = await openWire(url, fault)
  const welcome = await wire.ask('system.hello', 'server', { token: account.access_token })
  await wire.ask('room.join', room_id, {})
  void wire.closed.then((code) => isOver || fault(`closed with ${code}`))
  return { wire, peer_id: String(welcome?.payload.peer_id) }
}

function listen(wire: Wire, account: Account, other: string): void {
  wire.onFrame = ({ type, payload }) => {
    if (type === 'rtc.offer') wire.send('rtc.answer', other, { rtc_id, sdp: description })
    else if (type === 'rtc.answer') pending.get('answer')?.()
    else if (type === 'rtc.ice') {
      // It is the one that was sent below.
      const { candidate } = payload.candidate as { candidate: string }
      if (account === bob) wire.send('rtc.ice', other, payload)
      else pending.get(candidate)?.()
    } else if (type === 'error') fault(`got ${JSON.stringify(payload)}`)
    else if (type === 'system.token.expiring') void refresh(wire, account)
  }
}

async function refresh(wire: Wire, account: Account): Promise<void> {
  await api.refresh(account)
  await wire.ask('system.token.refresh', 'server', { token: account.access_token })
}

/** Does something and notes how long it took until it was answered. */
async function timed(into: number[], what: string, act: () => Promise<unknown>): Promise<void> {
  const started = performance.now()
  const answered = await Promise.race([act().then(() => true), sleep(patienceMs, false, { ref: false })])
  if (!answered) fault(`${what} was not answered within ${patienceMs} ms`)
  into.push(performance.now() - started)
}

function echo(mark: string, type: string, payload: object): Promise<void> {
  return new Promise<void>((resolve) => {
    pending.set(mark, resolve)
    a.wire.send(type, b.peer_id, payload)
  }).finally(() => pending.delete(mark))
}

/** Opens the call, or renegotiates it: each time a new generation of candidates begins. */
async function offer(): Promise<void> {
  const granted = await a.wire.ask('capability.request', 'server', { room_id, caps: ['call'] })
  const payload = { rtc_id, room_id, purpose: 'call', sdp: description, cap_token: granted?.payload.token }
  await timed([], 'an offer', () => echo('answer', 'rtc.offer', payload))
}

async function signal(): Promise<void> {
  for (let i = 0; !isOver; i++) {
    if (i % 60 === 0) await offer()
    const candidate = { candidate: `candidate:${i}`, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'u' }
    await timed(fared.signals, 'a candidate', () => echo(candidate.candidate, 'rtc.ice', { rtc_id, candidate }))
    await sleep(60)
  }
}

async function chat(): Promise<void> {
  while (!isOver) {
    await timed(fared.messages, 'a message', () => a.wire.ask('chat.message.send', room_id, { text: randomUUID() }))
    await sleep(1_100)
  }
}

async function read(): Promise<void> {
  while (!isOver) {
    await timed(fared.requests, 'a request', () =>
      api.call('GET', `/rooms/${room_id}`, undefined, ann?.access_token).catch((error: Error) => fault(error.message)),
    )
    await sleep(250)
  }
}
