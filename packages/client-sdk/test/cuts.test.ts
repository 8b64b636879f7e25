import type { Mesh, Room } from '@mesh/client-sdk'
import { expect, it, vi } from 'vitest'
import { cleanUp, online, statesOf, world } from './world.ts'
import { lay } from './wire.ts'

cleanUp()

const seed = 20_250_811
const cuts = 100
const rate = { burst: 100_000, per_s: 100_000 }
const limits = {
  classes: { chat: rate, ice: rate, other: rate, sdp: rate, capability: rate },
  frames: rate,
  candidates: 100_000,
}

/** mulberry32: the same numbers for the same seed. */
function createRandom(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it('a busy room misses nothing and hears nothing twice, wherever the wire is cut', { timeout: 60_000 }, async () => {
  const random = createRandom(seed)
  // The jitter of reconnecting, made short: it grows with every loss.
  vi.spyOn(Math, 'random').mockImplementation(() => random() * 0.002)
  const server = await world({ limits })
  const wire = await lay(server, () => random() * 4)
  const names = ['ann', 'bob', 'cleo']
  const users = await Promise.all(names.map((name) => server.user(name)))
  const [ann = '', bob = '', cleo = ''] = users
  const room_id = await server.room(ann, { [bob]: 'member', [cleo]: 'member' })
  const clients: { mesh: Mesh; room: Room; me: object; heard: number[]; faults: unknown[] }[] = []
  for (const user of users) {
    const mesh = await online(server, user, { url: wire.url })
    const faults: unknown[] = []
    mesh.on('error', (error) => faults.push(error))
    const room = await mesh.join(room_id)
    const heard: number[] = []
    room.on('message', ({ seq }) => heard.push(seq))
    clients.push({ mesh, room, me: mesh.me, heard, faults })
  }
  const gone = vi.fn<() => void>()
  for (const { room } of clients) {
    room.on('presence', ({ status }) => status === 'offline' && gone())
    room.on('rejoined', gone)
    room.on('left', gone)
  }
  const states = clients.map(({ mesh }) => statesOf(mesh))

  // Ann trickles candidates to Bob, in order, through a session that he has answered.
  const [a, b] = clients.map(({ mesh }) => mesh) as [Mesh, Mesh]
  const rtc_id = `rtc_${'x'.repeat(24)}`
  const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n`
  const { token: cap_token } = await clients[0]!.room.capability(['call'])
  const rung = b.once('rtc.offer')
  await a.send('rtc.offer', { rtc_id, room_id, purpose: 'call', sdp, cap_token }, { to: b.me.peer_id })
  await rung
  const answered = a.once('rtc.answer')
  await b.send('rtc.answer', { rtc_id, sdp }, { to: a.me.peer_id })
  await answered
  const candidates: string[] = []
  b.on('rtc.ice', ({ candidate }) => candidates.push(candidate?.candidate ?? ''))

  let isOver = false
  const talk = clients.map(async ({ room }, who) => {
    const acknowledged: number[] = []
    for (let n = 0; n < 40 || !isOver; n++) {
      acknowledged.push((await room.send(`${who}:${n}`)).seq)
      await pause(random() * 10)
    }
    return acknowledged
  })
  const trickle = (async () => {
    let n = 0
    for (; n < 200 || !isOver; n++) {
      await a.send('rtc.ice', { rtc_id, candidate: { candidate: String(n) } }, { to: b.me.peer_id })
      await pause(random() * 10)
    }
    return n
  })()
  for (let done = 0; done < cuts;) {
    await pause(random() * 50)
    if (wire.cut((open) => Math.floor(random() * open))) done++
  }
  isOver = true
  const [acknowledged, trickled] = [await Promise.all(talk), await trickle]

  const stored = await server.storage.events.list(room_id, { after: 0, limit: 100_000 })
  const messages = stored.filter(({ type }) => type === 'chat.message.created')
  const all = messages.map(({ seq }) => seq)
  await vi.waitFor(() => {
    for (const { heard } of clients) expect(heard.at(-1)).toBe(all.at(-1))
    expect(candidates).toHaveLength(trickled)
  }, 5_000)
  for (const { heard, mesh, me, faults } of clients) {
    expect(heard).toEqual(all)
    expect(mesh.me).toBe(me)
    expect(faults).toEqual([])
  }
  // Each message was stored once, and whoever sent it knows where.
  expect(acknowledged.flat().toSorted((x, y) => x - y)).toEqual(all)
  acknowledged.forEach((own, who) => {
    const texts = messages.filter(({ seq }) => own.includes(seq)).map(({ payload }) => payload['text'])
    expect(texts).toEqual(own.map((_, n) => `${who}:${n}`))
  })
  expect(candidates).toEqual(Array.from({ length: trickled }, (_, n) => String(n)))
  expect(gone).not.toHaveBeenCalled()
  // Otherwise all of this would prove less than it says.
  expect(states.flat().filter((state) => state === 'reconnecting').length).toBeGreaterThan(cuts / 3)
})
