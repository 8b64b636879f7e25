import { describe, expect, it } from 'vitest'
import { candidateOf, createWorld, grant, heard, newRtcId, openCall, sdpOf, settle } from '../testing/kit.ts'
import { isRelayed, isRelayedOnly } from './sdp.ts'

const relay = 'candidate:1 1 udp 33562367 192.0.2.9 50000 typ relay raddr 0.0.0.0 rport 0'
const host = 'candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host generation 0'
const withLines = (...lines: string[]) => `${sdpOf()}${lines.map((line) => `a=${line}\r\n`).join('')}`

describe('a candidate', () => {
  it.each([
    ['of a relay', relay],
    ['of a relay, with nothing behind it', 'candidate:1 1 udp 1 192.0.2.9 50000 typ relay'],
    ['that marks the end', ''],
  ])('%s hides its sender', (_name, candidate) => {
    expect(isRelayed(candidate)).toBe(true)
  })

  it.each([
    ['of a host', host],
    ['of a host that says relay elsewhere', `${host} x typ relay`],
    ['of a server-reflexive address', relay.replace('typ relay', 'typ srflx')],
    ['of a kind that only starts alike', relay.replace('typ relay', 'typ relayed')],
    ['with one field more', relay.replace('udp', 'udp x')],
    ['written as a line', `a=${relay}`],
    ['that is none', 'x'],
  ])('%s does not', (_name, candidate) => {
    expect(isRelayed(candidate)).toBe(false)
  })

  it('counts in every line of a description', () => {
    expect(isRelayedOnly(sdpOf())).toBe(true)
    expect(isRelayedOnly(withLines(relay, 'end-of-candidates', relay))).toBe(true)
    expect(isRelayedOnly(withLines(relay, host))).toBe(false)
    expect(isRelayedOnly(withLines(host, relay))).toBe(false)
    expect(isRelayedOnly(withLines(host).replaceAll('\r\n', '\n'))).toBe(false)
  })
})

describe('in a room for relays only', () => {
  it('no signal shows an address, and others pass', async () => {
    const world = await createWorld()
    const { room } = world
    const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
    const policy = (relay_only: boolean) => world.mesh.rooms.update('administrator', room, { policy: { relay_only } })
    await policy(true)
    const cap_token = await grant(a, room, ['call'])
    const rtc_id = newRtcId()
    const offer = { rtc_id, room_id: room, purpose: 'call', cap_token }
    /** Sends a signal from one to the other, and says how that went. */
    async function signal(from: typeof a, type: string, payload: object) {
      const [to, before] = [from === a ? b : a, from.frames.length]
      const heard = to.frames.length
      from.send(type, to.peer_id, { rtc_id, ...payload })
      await settle(from)
      const error = from.frames.slice(before).find((frame) => frame.type === 'error')
      const arrived = to.frames.slice(heard).some((frame) => frame.type === type)
      return error ? `${error.code} ${String(error.payload.reason)}` : arrived ? 'arrived' : 'held'
    }
    const denied = 'P2P_SESSION_DENIED relay_only'
    const ice = (text: string) => ({ candidate: { ...candidateOf(''), candidate: text } })

    expect(await signal(a, 'rtc.offer', { ...offer, sdp: withLines(host) })).toBe(denied)
    expect(await signal(a, 'rtc.offer', { ...offer, sdp: withLines(relay) })).toBe('arrived')
    expect(await signal(b, 'rtc.ice', ice(host))).toBe(denied)
    expect(await signal(b, 'rtc.ice', ice(relay))).toBe('held')
    expect(await signal(b, 'rtc.answer', { sdp: withLines(host) })).toBe(denied)
    expect(await signal(b, 'rtc.answer', { sdp: withLines(relay) })).toBe('arrived')
    for (const [text, outcome] of [
      [host, denied],
      [relay, 'arrived'],
      ['', 'arrived'],
    ] as const) {
      expect(await signal(a, 'rtc.ice', ice(text))).toBe(outcome)
    }
    expect(await signal(a, 'rtc.ice', { candidate: null })).toBe('arrived')
    expect(await signal(a, 'rtc.offer', { ...offer, sdp: withLines(host) })).toBe(denied)
    expect(await signal(a, 'rtc.offer', { ...offer, sdp: sdpOf() })).toBe('arrived')

    await policy(false)
    const later = { rtc_id: newRtcId() }
    expect(
      await signal(a, 'rtc.offer', { ...offer, ...later, cap_token: await grant(a, room, ['call']), sdp: sdpOf() }),
    ).toBe('arrived')
    expect(await signal(b, 'rtc.ice', { ...later, ...ice(host) })).toBe('held')
    expect(await signal(a, 'rtc.ice', ice(host))).toBe('arrived')
    const before = [a.frames.length, b.frames.length]
    await policy(true)
    await settle(a, b)
    // Both calls have met without relays, or might: the one that was for relays only at first, and the one that rings.
    for (const [at, peer] of [a, b].entries()) {
      const byes = peer.frames.slice(before[at]).filter(({ type }) => type === 'rtc.bye')
      const ended = [rtc_id, later.rtc_id].map((id) => ({ rtc_id: id, reason: 'revoked' }))
      expect(byes.map(({ payload }) => payload)).toEqual(expect.arrayContaining(ended))
    }
    expect(a.frames.slice(before[0]).filter(({ type }) => type === 'rtc.ice')).toEqual([])
  })

  it('a call goes on that was for relays only from the start, whatever else of the policy changes', async () => {
    const world = await createWorld()
    const { room } = world
    const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
    const update = (policy: object) => world.mesh.rooms.update('administrator', room, { policy })
    await update({ relay_only: true })
    await openCall(a, b, room)
    await update({ max_size: 1_000 })
    await update({ relay_only: true })
    await settle(a, b)
    for (const peer of [a, b]) expect(heard(peer)).not.toContain('rtc.bye')
  })
})
