import type { Call, Calls, CallsOptions } from '@mesh/client-sdk/webrtc'
import { createCalls } from '@mesh/client-sdk/webrtc'
import type { Capability, Mesh } from '@mesh/client-sdk'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fakeStream, fakeTrack, RTCPeerConnection } from './fake-connection.ts'
import type { FakeConnection } from './fake-connection.ts'
import { after, cleanUp, pair } from './world.ts'

cleanUp()
afterEach(() => vi.restoreAllMocks())

/** Credentials with a number that rises, so that one can tell old from new. */
function createTurn() {
  let issued = 0
  return {
    stunUrls: ['stun:relay.test'],
    turnUrls: ['turn:relay.test'],
    ttlS: 600,
    guests: false,
    credentials: (user_id: string) => ({ username: user_id, credential: String(++issued) }),
  }
}

async function ready(policy: { relay_only?: boolean } = {}, options: CallsOptions = {}) {
  const all = await pair({ turn: createTurn() })
  await all.server.mesh.rooms.update('administrator', all.room_id, { policy })
  const callsOf = async (mesh: Mesh): Promise<Calls> => {
    const calls = createCalls(await mesh.join(all.room_id), { RTCPeerConnection, ...options })
    after(async () => calls.close())
    return calls
  }
  return { ...all, here: await callsOf(all.a), there: await callsOf(all.b) }
}

const configurationOf = ({ connection }: Call) => (connection as unknown as FakeConnection).configuration

const relayOf = (call: Call) => configurationOf(call).iceServers?.find(({ username }) => username !== undefined)

async function become(call: Call, wanted: Call['state']): Promise<void> {
  while (call.state !== wanted) await new Promise<void>((resolve) => call.on('state', () => resolve()))
}

async function talk(here: Calls, there: Calls, to: string): Promise<{ mine: Call; theirs: Call }> {
  const incoming = new Promise<Call>((resolve) => there.on('incoming', resolve))
  const mine = await here.start({ to, stream: fakeStream(fakeTrack()) })
  const theirs = await incoming
  await theirs.accept(fakeStream(fakeTrack()))
  await Promise.all([become(mine, 'connected'), become(theirs, 'connected')])
  return { mine, theirs }
}

describe('the servers of a call', () => {
  it('come with the capability, to both ends, without a word of the application', async () => {
    const { ann, bob, b, here, there } = await ready()
    const { mine, theirs } = await talk(here, there, b.me.peer_id)
    expect(configurationOf(mine)).toEqual({
      iceServers: [
        { urls: ['stun:relay.test'] },
        { urls: ['turn:relay.test'], username: ann, credential: expect.any(String) },
      ],
    })
    expect(relayOf(theirs)?.username).toBe(bob)
  })

  it('are the application’s where it names its own', async () => {
    const iceServers = [{ urls: 'stun:own.test' }]
    for (const source of [iceServers, () => iceServers, async () => iceServers]) {
      const { b, here, there } = await ready({}, { iceServers: source, iceTransportPolicy: 'all' })
      const { mine, theirs } = await talk(here, there, b.me.peer_id)
      for (const call of [mine, theirs]) {
        expect(configurationOf(call)).toEqual({ iceServers, iceTransportPolicy: 'all' })
      }
    }
  })

  it('are none for who may not call, who answers all the same', async () => {
    const { server, bob, room_id, b, here, there } = await ready()
    await server.mesh.rooms.setMember('administrator', room_id, bob, 'guest')
    await server.mesh.rooms.update('administrator', room_id, { policy: { caps: { guest: [] } } })
    const { mine, theirs } = await talk(here, there, b.me.peer_id)
    expect(relayOf(mine)).toBeDefined()
    expect(configurationOf(theirs)).toEqual({})
  })

  it('are renewed for as long as the call lasts, at both ends', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    /** Lets those run that wait for the difference between the end of the credentials and that of the token. */
    const elapse = (most = 2) => {
      const due = timers.mock.calls.filter(([, ms]) => ms === 480_000).slice(0, most)
      timers.mockClear()
      for (const [act] of due) (act as () => void)()
      return due.length
    }
    const { b, here, there } = await ready()
    const { mine, theirs } = await talk(here, there, b.me.peer_id)
    for (let round = 0; round < 2; round++) {
      const before = [relayOf(mine)?.credential, relayOf(theirs)?.credential]
      expect(elapse()).toBe(2)
      await vi.waitFor(() => {
        expect(relayOf(mine)?.credential).not.toBe(before[0])
        expect(relayOf(theirs)?.credential).not.toBe(before[1])
      })
    }
    // The caller's answer comes when the call is over.
    const last = configurationOf(mine)
    let answer!: (granted: Capability) => void
    vi.spyOn(here.room, 'capability').mockReturnValueOnce(new Promise((resolve) => (answer = resolve)))
    expect(elapse(1)).toBe(1)
    mine.hangup()
    await become(theirs, 'ended')
    answer(await here.room.capability(['call']))
    await new Promise((resolve) => setTimeout(resolve))
    expect(configurationOf(mine)).toBe(last)
    expect(timers.mock.calls.filter(([, ms]) => ms === 480_000)).toEqual([])
  })

  it('are asked for again where they did not come', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const waiting = (wanted: number) => timers.mock.calls.filter(([, ms]) => ms === wanted).map(([act]) => act)
    const { b, here, there } = await ready()
    const { mine } = await talk(here, there, b.me.peer_id)
    const renew = waiting(480_000)
    timers.mockClear()
    vi.spyOn(here.room, 'capability').mockRejectedValueOnce(new Error('not now'))
    for (const act of renew) (act as () => void)()
    await vi.waitFor(() => expect(waiting(30_000)).toHaveLength(1))
    const before = relayOf(mine)?.credential
    for (const act of waiting(30_000)) (act as () => void)()
    await vi.waitFor(() => expect(relayOf(mine)?.credential).not.toBe(before))
  })
})

describe('in a room for relays only', () => {
  it('no other candidate is looked for, whatever the application says', async () => {
    const { b, here, there } = await ready({ relay_only: true }, { iceTransportPolicy: 'all' })
    expect([here.room.relayOnly, there.room.relayOnly]).toEqual([true, true])
    const { mine, theirs } = await talk(here, there, b.me.peer_id)
    for (const call of [mine, theirs]) expect(configurationOf(call).iceTransportPolicy).toBe('relay')
  })

  it('the room says so as soon as it does', async () => {
    const { server, room_id, here } = await ready()
    expect(here.room.relayOnly).toBe(false)
    const updated = new Promise<void>((resolve) => here.room.on('updated', resolve))
    await server.mesh.rooms.update('administrator', room_id, { policy: { relay_only: true } })
    await updated
    expect(here.room.relayOnly).toBe(true)
  })
})
