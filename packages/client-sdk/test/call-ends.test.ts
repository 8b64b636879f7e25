import type { Call, Calls, CallsEvents } from '@mesh/client-sdk/webrtc'
import { createCalls } from '@mesh/client-sdk/webrtc'
import type { Mesh } from '@mesh/client-sdk'
import { describe, expect, it, vi } from 'vitest'
import { fakeStream, fakeTrack, RTCPeerConnection } from './fake-connection.ts'
import type { FakeConnection } from './fake-connection.ts'
import type { ServeOptions } from './serve.ts'
import { after, cleanUp, cut, online, pair, until } from './world.ts'

cleanUp()

/** Ann and Bob with the calls of their room, and whoever else is wanted. */
async function ready(options: ServeOptions = {}) {
  const all = await pair(options)
  const callsOf = async (mesh: Mesh): Promise<Calls> => {
    const calls = createCalls(await mesh.join(all.room_id), { RTCPeerConnection })
    after(async () => calls.close())
    return calls
  }
  return { ...all, callsOf, here: await callsOf(all.a), there: await callsOf(all.b) }
}

const once = <T extends 'incoming' | 'missed'>(calls: Calls, type: T) =>
  new Promise<CallsEvents[T][0]>((resolve) => calls.on(type, resolve))
const ended = (call: Call) => new Promise((resolve) => call.on('ended', resolve))
const fake = (call: Call) => call.connection as unknown as FakeConnection

async function become(call: Call, wanted: Call['state']): Promise<void> {
  if (call.state === wanted) return
  await new Promise<void>((resolve) => call.on('state', (state) => state === wanted && resolve()))
}

async function talk(here: Calls, there: Calls, to: string): Promise<{ mine: Call; theirs: Call }> {
  const incoming = once(there, 'incoming')
  const mine = await here.start({ to, stream: fakeStream(fakeTrack('audio')) })
  const theirs = await incoming
  await theirs.accept(fakeStream(fakeTrack('audio')))
  await Promise.all([become(mine, 'connected'), become(theirs, 'connected')])
  return { mine, theirs }
}

describe('whoever is called', () => {
  it('answers on one device, and the others stop ringing', async () => {
    const { server, bob, b, here, there, callsOf } = await ready()
    const tablet = await callsOf(await online(server, bob))
    const rings = [once(there, 'incoming'), once(tablet, 'incoming')]
    const call = await here.start({ to: bob })
    const [phone, other] = (await Promise.all(rings)) as [Call, Call]
    expect([call.state, call.peer, phone.rtc_id]).toEqual(['ringing', undefined, other.rtc_id])
    const over = ended(other)
    await phone.accept()
    expect(await over).toBe('answered_elsewhere')
    await become(call, 'connected')
    expect([call.peer, phone.state]).toEqual([b.me.peer_id, 'connected'])
    const hungUp = ended(phone)
    call.hangup()
    expect([await hungUp, call.reason]).toEqual(['hangup', 'hangup'])
  })

  it('declines on one device, and the others go on ringing', async () => {
    const { server, a, b, bob, here, there, callsOf } = await ready()
    const tablet = await callsOf(await online(server, bob))
    const rings = [once(there, 'incoming'), once(tablet, 'incoming')]
    const call = await here.start({ to: bob })
    const [phone, other] = (await Promise.all(rings)) as [Call, Call]
    phone.decline()
    await b.request('system.ping', {})
    await a.request('system.ping', {})
    expect([call.state, other.state]).toEqual(['ringing', 'ringing'])
    const over = ended(call)
    other.decline()
    expect(await over).toBe('declined')
  })

  it('is busy in another call, which goes on', async () => {
    const { server, room_id, b, here, there, callsOf } = await ready()
    const { theirs } = await talk(here, there, b.me.peer_id)
    const cleo = await server.user('cleo')
    await server.mesh.rooms.setMember('administrator', room_id, cleo, 'member')
    const others = await callsOf(await online(server, cleo))
    there.on('incoming', (call) => call.decline('busy'))
    const call = await others.start({ to: b.me.user_id })
    expect(await ended(call)).toBe('busy')
    expect([...there.active.values()]).toEqual([theirs])
    expect(theirs.state).toBe('connected')
  })

  it('has missed the call that was not answered in time, and the one that came while nobody was there', async () => {
    const { ann, bob, b, here, there } = await ready({ limits: { ring_ms: 150 } })
    const [incoming, missed] = [once(there, 'incoming'), once(there, 'missed')]
    const notOurs = vi.fn<() => void>()
    here.on('missed', notOurs)
    const call = await here.start({ to: bob })
    const over = [ended(call), ended(await incoming)]
    expect(await Promise.all(over)).toEqual(['timeout', 'timeout'])
    expect(await missed).toMatchObject({ from_user_id: ann, purpose: 'call', count: 1 })
    await b.close()
    expect(await ended(await here.start({ to: bob }))).toBe('unroutable')
    expect(notOurs).not.toHaveBeenCalled()
  })
})

describe('a call', () => {
  it('goes on while both ends are without a server, and catches up', async () => {
    const { server, a, b, here, there } = await ready()
    const { mine, theirs } = await talk(here, there, b.me.peer_id)
    const states: string[] = []
    for (const call of [mine, theirs]) call.on('state', (state) => states.push(state))
    for (const calls of [here, there]) calls.room.on('presence', ({ status }) => states.push(status))
    cut(server)
    await Promise.all([until(a, 'reconnecting'), until(b, 'reconnecting')])
    // Both offer while neither can be heard: glare, as soon as they can.
    await mine.addTrack(fakeTrack())
    await theirs.addTrack(fakeTrack())
    const settled = () => fake(mine).remoteTracks === 2 && fake(theirs).remoteTracks === 2
    await waitFor(settled)
    expect([mine.state, theirs.state, states.includes('offline'), states.includes('ended')]).toEqual([
      'connected',
      'connected',
      false,
      false,
    ])
  })

  it('answers before it offers, where the answer came too fast', async () => {
    const { server, a, b, here, there } = await ready({ limits: { classes: { sdp: { burst: 5, per_s: 2 } } } })
    const { mine, theirs } = await talk(here, there, b.me.peer_id)
    const { rtc_id } = mine
    const ofBob = () =>
      server.sent.filter(({ to, payload: { sdp, rtc_id: of } }) => to === a.me.peer_id && sdp && of === rtc_id)
    b.on('error', () => undefined)
    const { sdp } = fake(theirs).localDescription ?? { sdp: '' }
    for (let n = 0; n < 5; n++) {
      await b.send('rtc.answer', { rtc_id: `rtc_${'x'.repeat(24)}`, sdp }, { to: a.me.peer_id })
    }
    await mine.addTrack(fakeTrack())
    await waitFor(() => ofBob().length === 2)
    await theirs.addTrack(fakeTrack())
    await waitFor(() => fake(mine).remoteTracks === 2 && fake(theirs).remoteTracks === 2)
    const said = ofBob()
    const [, refused, again] = said
    expect([refused?.type, again?.payload]).toEqual(['rtc.answer', refused?.payload])
    expect(said.at(-1)?.type).toBe('rtc.offer')
  })

  it('outlives a camera that is turned off and on faster than descriptions may be sent', async () => {
    const { server, b, here, there } = await ready({
      limits: { classes: { sdp: { burst: 3, per_s: 4 } }, offences: { burst: 1000, per_s: 1000 } },
    })
    const { mine, theirs } = await talk(here, there, b.me.peer_id)
    for (let n = 0; n < 12; n++) {
      const camera = fakeTrack()
      await mine.addTrack(camera)
      await theirs.addTrack(fakeTrack())
      await new Promise((resolve) => setTimeout(resolve, 30))
      mine.removeTrack(camera)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    await mine.addTrack(fakeTrack())
    await waitFor(() => fake(theirs).remoteTracks === 2 && fake(mine).remoteTracks === 13, 15_000)
    expect([mine.state, theirs.state]).toEqual(['connected', 'connected'])
    // Otherwise the limit was never met.
    const said = server.sent.filter(({ type }) => type === 'rtc.offer' || type === 'rtc.answer')
    expect(new Set(said.map(({ payload }) => payload['sdp'])).size).toBeLessThan(said.length)
  })
})

async function waitFor(holds: () => boolean, ms = 5_000): Promise<void> {
  const end = performance.now() + ms
  while (!holds() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(holds()).toBe(true)
}
