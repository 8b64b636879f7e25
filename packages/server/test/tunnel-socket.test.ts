import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultLimits, randomIds } from '@mesh/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRig, sdp, type Rig, type Wire } from './support.ts'
import { createPace, fullPayload } from './tunnel-cheat.ts'

// The two events that carry most, over real sockets and in real time; the rest is measured in tunnel.test.ts.

const burstMs = 4_000
const countedMs = 6_000

let rig: Rig

beforeAll(async () => void (rig = await createRig()))
afterAll(() => rig.close())

it.each([
  ['rtc.offer', 30_000],
  ['rtc.ice', 5_000],
])('A file through %s', { timeout: 60_000 }, async (type, atLeast) => {
  const [eve, pat] = [await rig.account(`eve ${type}`), await rig.account(`pat ${type}`)]
  const { room_id } = await rig.mesh.rooms.create(eve.user_id, 'Room')
  await rig.mesh.rooms.setMember('administrator', room_id, pat.user_id, 'member')
  const enter = async (token: string): Promise<Wire> => {
    const wire = await rig.open()
    await wire.hello(token)
    await wire.ask('room.join', room_id, {})
    return wire
  }
  const [cheat, pal] = [await enter(eve.access_token), await enter(pat.access_token)]
  const granted = await cheat.ask('capability.request', 'server', { room_id, caps: ['call'] })
  const rtc_id = randomIds.id('rtc')
  const known = new Map<string, unknown>([
    ['rtc_id', rtc_id],
    ['room_id', room_id],
    ['purpose', 'call'],
    ['cap_token', granted.payload.token],
  ])
  const offer = () => cheat.send('rtc.offer', pal.peer_id, { ...Object.fromEntries(known), sdp: sdp() })

  let arrived = 0
  pal.socket.on('message', (data: Buffer) => {
    arrived += data.length
    const frame = JSON.parse(data.toString()) as { type: string; from: string }
    if (frame.type === 'rtc.offer') pal.send('rtc.answer', frame.from, { rtc_id, sdp: sdp() })
  })
  const pace = createPace(defaultLimits, () => performance.now())
  // What was sent above, and some room for the server's clock to see things closer together than they were sent.
  pace.spend('capability.request', 8_192)
  const started = performance.now()
  let counted = 0
  let candidates = 0
  if (type === 'rtc.ice') {
    offer()
    await pal.next('rtc.offer')
  }
  for (let ms = 0; ms < burstMs + countedMs; ms = performance.now() - started) {
    if (ms < burstMs) counted = arrived
    while (pace.isDue(type)) {
      const payload = fullPayload(type, known, defaultLimits)
      const head = { type, id: randomUUID(), timestamp: new Date().toISOString(), to: pal.peer_id }
      const text = JSON.stringify({ ...head, payload })
      if (!pace.take(type, text.length)) break
      cheat.socket.send(text)
      // Another offer begins another generation of candidates.
      if (type === 'rtc.ice' && ++candidates % 60 === 0) offer()
    }
    await sleep(20)
  }
  const rate = (arrived - counted) / ((performance.now() - started - burstMs) / 1000)
  // oxlint-disable-next-line no-console -- the figures are the point
  console.log(`${type} over a socket: ${rate.toFixed(0)} bytes/s`)
  // What was sent at the end of the burst may arrive within the time that counts.
  expect(rate).toBeLessThanOrEqual(defaultLimits.bytes.per_s + 98_304 / (countedMs / 1000))
  expect(rate).toBeGreaterThanOrEqual(atLeast)
})
