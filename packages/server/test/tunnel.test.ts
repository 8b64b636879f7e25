import { createHash, randomUUID } from 'node:crypto'
import { defaultLimits, randomIds } from '@mesh/core'
import { createManualClock, createTestMesh, type Frame, type TestClient } from '@mesh/core/testing'
import { describe, expect, it } from 'vitest'
import { createPace, eventOf, eventTypes, fullPayload, smallDescription } from './tunnel-cheat.ts'

// A cheat tries to push a file through every event there is, as much in each as it holds, at the fastest pace that is let
// through; an accomplice at the other end does whatever keeps things going. What counts is the text that arrives.

const seconds = 600
const tickMs = 200
/** The bursts are long spent, and time is what a file takes. */
const countedFrom = 60
const sustained = 65_536

/** What opens that which an event is about: the accomplice sends it whenever it may. */
const openers: Record<string, string> = {
  'rtc.answer': 'rtc.offer',
  'rtc.ice': 'rtc.offer',
  'rtc.bye': 'rtc.offer',
  'p2p.session.accept': 'p2p.session.request',
  'p2p.session.reject': 'p2p.session.request',
  'p2p.session.renew': 'p2p.session.request',
  'p2p.session.closed': 'p2p.session.request',
}
/** What the accomplice does about an event, so that more of it may come. */
const replies: Record<string, string> = { 'rtc.offer': 'rtc.answer', 'p2p.session.request': 'p2p.session.reject' }
/** What the cheat does about an event, so that what is tried may be sent at all. */
const steps: Record<string, string> = { 'rtc.offer': 'rtc.answer', 'p2p.session.request': 'p2p.session.accept' }
const needSteps = new Set(['rtc.ice', 'p2p.session.renew', 'p2p.session.closed'])

/** Bytes a second that a cheat gets who knows what it does. */
const atLeast: Record<string, number> = {
  'rtc.offer': 50_000,
  'rtc.answer': 50_000,
  'rtc.ice': 20_000,
  'chat.message.send': 3_000,
  'presence.update': 300,
  'p2p.session.request': 1_000,
  'terminal.share.start': 500,
}

const small = { sdp: smallDescription }

/** Lets everything be handled that was sent: time must not pass for frames that only wait for their turn. */
async function settle(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** At once, for the same reason. */
const digest = (text: string) => createHash('sha256').update(text).digest('base64url')

async function createPlot() {
  const clock = createManualClock()
  const t = await createTestMesh({ clock, digest })
  const [eve, pat] = [await t.user('eve'), await t.user('pat')]
  const rooms = [await t.room(eve, { [pat]: 'member' }), await t.room(eve, { [pat]: 'member' })]
  return { ...t, clock, eve, pat, rooms }
}

type Plot = Awaited<ReturnType<typeof createPlot>>

/** One of the two: what they know, and how fast they may write. */
function createHand(plot: Plot, user_id: string) {
  const known = new Map<string, unknown>()
  const sid = randomIds.id('sess')
  // What was too much for now, so that it need not be made again.
  const unsent = new Map<string, string>()
  const pace = createPace(defaultLimits, plot.clock.monotonic)
  let client: TestClient
  let at = 0
  let tokenUntil = 0

  async function connect(): Promise<void> {
    client = await plot.connect(user_id, { sid })
    at = 0
    for (const room of plot.rooms) {
      pace.spend('room.join', 200)
      await client.ask('room.join', room, {})
    }
    tokenUntil = 0
  }

  return {
    known,
    get peer_id() {
      return client.peer_id
    },
    connect,
    /** Whether something else waits for nothing but bytes. */
    isShort: (type: string) => unsent.size > 0 && !unsent.has(type),
    /** What has come since the last time. */
    read(): Frame[] {
      const fresh = client.frames.slice(at)
      for (const { type, payload } of fresh) {
        if (type.startsWith('system.')) continue
        for (const [key, value] of Object.entries(payload)) if (/_id$|fence/.test(key)) known.set(key, value)
      }
      at = client.frames.length
      // Ten minutes of this would not fit into memory; the first is the welcome, which has the peer id.
      if (at > 500) {
        client.frames.length = 1
        at = 1
      }
      return fresh
    },
    /** Comes back where the connection was closed, and gets another token where the one at hand runs out. */
    async keepUp(): Promise<void> {
      if (client.closed) await connect()
      if (plot.clock.monotonic() < tokenUntil) return
      tokenUntil = plot.clock.monotonic() + 50_000
      pace.spend('system.token.refresh', 1_000)
      pace.spend('capability.request', 300)
      client.send('system.token.refresh', 'server', { token: await plot.token(user_id, { sid }) })
      const caps = ['call', 'share:file', 'terminal:view']
      const granted = await client.ask('capability.request', 'server', { room_id: plot.rooms[0], caps })
      if (granted.payload.token) known.set('cap_token', granted.payload.token)
    },
    /** Writes an event with as much in it as there can be, but for what is given, if it may be sent now. */
    write(type: string, to: string, own: Record<string, unknown> = {}): boolean {
      if (client.closed || !pace.isDue(type)) return false
      const text = unsent.get(type) ?? compose(type, to, own)
      unsent.delete(type)
      if (pace.take(type, text.length)) client.raw(text)
      else unsent.set(type, text)
      return !unsent.has(type)
    },
  }

  function compose(type: string, to: string, own: Record<string, unknown>): string {
    const payload = fullPayload(type, new Map([...known, ...Object.entries(own)]), defaultLimits)
    return JSON.stringify({ type, id: randomUUID(), timestamp: '2026-01-01T00:00:00Z', to, payload })
  }
}

/** Bytes a second that get through by these events; the earlier ones go first. */
async function tunnel(types: readonly string[]): Promise<number> {
  const plot = await createPlot()
  const [cheat, pal] = [createHand(plot, plot.eve), createHand(plot, plot.pat)]
  await cheat.connect()
  await pal.connect()
  let arrived = 0
  let room = 0
  const purposeOf = (type: string) => (type.startsWith('p2p.') ? 'share:file' : 'call')

  for (let ms = 0; ms < seconds * 1000; ms += tickMs) {
    await cheat.keepUp()
    await pal.keepUp()
    for (const { type, from } of cheat.read()) {
      const step = types.some((tried) => needSteps.has(tried)) ? steps[type] : undefined
      if (step) cheat.write(step, eventOf(step).to === 'server' ? 'server' : from, small)
    }
    for (const type of types) {
      const own = { room_id: plot.rooms[0], purpose: purposeOf(type) }
      const { to } = eventOf(type)
      do {
        if (to === 'room') own.room_id = plot.rooms[room++ % 2]
        // What waits for bytes must not wait for ever, because something smaller takes them.
        if (cheat.isShort(type)) break
      } while (cheat.write(type, to === 'server' ? 'server' : to === 'room' ? String(own.room_id) : pal.peer_id, own))
    }
    await settle()
    for (const frame of pal.read()) {
      if (frame.type.startsWith('system.') || frame.reply_to !== undefined) continue
      if (ms >= countedFrom * 1000) arrived += JSON.stringify(frame).length
      const reply = replies[frame.type]
      if (reply && frame.from === cheat.peer_id)
        pal.write(reply, eventOf(reply).to === 'server' ? 'server' : frame.from, small)
    }
    for (const opener of new Set(
      types.flatMap((type) => openers[type] ?? []).filter((type) => !types.includes(type)),
    )) {
      pal.write(opener, cheat.peer_id, { ...small, room_id: plot.rooms[0], purpose: purposeOf(opener) })
    }
    plot.clock.advance(tickMs)
    await settle()
  }
  await plot.mesh.close()
  return arrived / (seconds - countedFrom)
}

describe('A file pushed through', { timeout: 300_000 }, () => {
  const rates = new Map<string, number>()

  it.each(eventTypes)('%s', async (type) => {
    const rate = await tunnel([type])
    rates.set(type, rate)
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log(`${type.padEnd(24)} ${rate.toFixed(0)} bytes/s`)
    expect(rate).toBeLessThanOrEqual(sustained)
    // Where something gets through, the cheat has to be good at it, or the figure says nothing.
    expect(rate).toBeGreaterThanOrEqual(atLeast[type] ?? 0)
  })

  it('all that carry anything, the largest first', async () => {
    const carrying = [...rates].filter(([, rate]) => rate > 400).sort(([, a], [, b]) => b - a)
    const rate = await tunnel(carrying.map(([type]) => type))
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log(`${carrying.map(([type]) => type).join(', ')} together: ${rate.toFixed(0)} bytes/s`)
    expect(rate).toBeLessThanOrEqual(sustained)
  })
})
