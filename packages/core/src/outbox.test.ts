import { describe, expect, it } from 'vitest'
import type { LiveRoom, Outbound, Peer } from './context.ts'
import { outbound } from './deliver.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { Outbox } from './outbox.ts'

const roomOf = (room_id: string): LiveRoom => ({
  room_id,
  name: '',
  policy: {},
  policy_seq: 0,
  seq: 0,
  entering: 0,
  here: 0,
  occupants: new Map(),
})

// Only its identity matters here.
const peerOf = (peer_id: string) => ({ peer_id }) as Peer

const frame = (text: string, more: Partial<Outbound> = {}) => outbound(text, { kind: 'event', ...more })

function setUp(over: Partial<Limits> = {}) {
  const time = { now: 0 }
  const load = { bytes: 0 }
  const seen = { overflows: 0, dropped: [] as string[] }
  const limits = { ...defaultLimits, socket_buffer_bytes: 10, ...over }
  const outbox = new Outbox(
    { limits, load, now: () => time.now },
    { overflow: () => seen.overflows++, dropped: ({ text }) => seen.dropped.push(text) },
  )
  const socket = () => {
    const texts: string[] = []
    const made = {
      texts,
      bufferedAmount: 0,
      received: 0,
      send: ({ text }: { text: string }) => void texts.push(text),
      close() {},
    }
    return made
  }
  const first = socket()
  outbox.attach(first)
  const send = (...texts: string[]) => texts.forEach((text) => outbox.send(frame(text)))
  return { outbox, first, socket, seen, send, time, load }
}

describe('an outbox', () => {
  it('hands over at once while the socket takes it, and in order once it takes more again', () => {
    const { outbox, first, send } = setUp()
    send('a')
    first.bufferedAmount = 10
    send('b', 'c')
    expect(first.texts).toEqual(['a'])
    first.bufferedAmount = 9
    send('d')
    expect(first.texts).toEqual(['a'])
    outbox.flush()
    expect(first.texts).toEqual(['a', 'b', 'c', 'd'])
  })

  it('resumes with exactly what the client has not received, then goes on', () => {
    const { outbox, socket, send } = setUp()
    send('a', 'b', 'c')
    outbox.detach()
    send('d')
    const second = socket()
    expect(outbox.canResume(1)).toBe(true)
    outbox.resume(second, 1)
    send('e')
    expect(second.texts).toEqual(['b', 'c', 'd', 'e'])
    expect(outbox.canResume(5)).toBe(true)
    expect(outbox.canResume(6)).toBe(false)
  })

  it('cannot resume from before what it keeps', () => {
    const { outbox, send } = setUp({ kept_frames: 2 })
    send('a', 'b', 'c')
    expect([0, 1, 2, 3, 4].map((received) => outbox.canResume(received))).toEqual([false, true, true, true, false])
  })

  it('keeps no more bytes than it may', () => {
    const { outbox, send, load } = setUp({ kept_bytes: 4 })
    send('aaa', 'bb')
    expect([outbox.canResume(0), outbox.canResume(1), load.bytes]).toEqual([false, true, 2])
  })

  it('lets go of what is acknowledged, and knows an acknowledgement of more than there was', () => {
    const { outbox, send, load } = setUp()
    send('a', 'b', 'c')
    expect([outbox.acknowledge(4), outbox.acknowledge(2), load.bytes]).toEqual([false, true, 1])
    expect([outbox.canResume(1), outbox.canResume(2)]).toEqual([false, true])
    expect(outbox.acknowledge(1)).toBe(true)
  })

  it('does not count what a purge took away, wherever the client was', () => {
    const room = roomOf('room_a')
    for (const received of [1, 2, 3, 4]) {
      const { outbox, socket } = setUp()
      outbox.send(frame('1'))
      outbox.send(frame('2', { room }))
      outbox.send(frame('3'))
      outbox.send(frame('4', { room }))
      outbox.detach()
      outbox.send(frame('5', { room }))
      outbox.purge(room)
      outbox.send(frame('left'))
      const second = socket()
      expect(outbox.canResume(received)).toBe(true)
      outbox.resume(second, received)
      const expected = received < 3 ? ['3', 'left'] : ['left']
      expect(second.texts).toEqual(expected)
      // The client counts on from where it was, and so must the server.
      expect(outbox.canResume(received + expected.length)).toBe(true)
      expect(outbox.canResume(received + expected.length + 1)).toBe(false)
    }
  })

  it('keeps only the latest presence of a peer in a room waiting', () => {
    const { outbox, first } = setUp()
    const [ann, bob] = [peerOf('peer_a'), peerOf('peer_b')]
    const [here, there] = [roomOf('room_a'), roomOf('room_b')]
    first.bufferedAmount = 10
    const say = (text: string, from: Peer, room: LiveRoom) => outbox.send(frame(text, { kind: 'presence', from, room }))
    say('1', ann, here)
    say('2', bob, here)
    say('3', ann, there)
    say('4', ann, here)
    first.bufferedAmount = 0
    outbox.flush()
    expect(first.texts).toEqual(['2', '3', '4'])
  })

  it('gives up presence first, then late signals whose senders hear of it, and events never', () => {
    const { outbox, first, seen, time } = setUp({ queue_bytes: 80, signal_ttl_ms: 100 })
    first.bufferedAmount = 10
    outbox.send(frame('event-----'))
    outbox.send(frame('presence--', { kind: 'presence', from: peerOf('peer_a') }))
    outbox.send(frame('signal-old', { kind: 'signal' }))
    time.now = 100
    outbox.send(frame('signal-new', { kind: 'signal' }))
    for (let i = 0; i < 3; i++) outbox.send(frame(`event---${i}-`))
    expect(seen).toEqual({ overflows: 0, dropped: ['signal-old'] })
    first.bufferedAmount = 0
    outbox.flush()
    expect(first.texts).toEqual(['event-----', 'signal-new', 'event---0-', 'event---1-', 'event---2-'])
  })

  it('says when more waits than may, and when nothing moves', () => {
    const { outbox, first, seen, time, send } = setUp({ queue_bytes: 20, stall_ms: 1_000 })
    first.bufferedAmount = 10
    send('x'.repeat(20))
    expect([seen.overflows, outbox.isStalled()]).toEqual([0, false])
    time.now = 1_000
    expect(outbox.isStalled()).toBe(true)
    send('y')
    expect(seen.overflows).toBe(1)
    outbox.detach()
    expect(outbox.isStalled()).toBe(false)
  })

  it('lets a client that catches up take more than may wait otherwise', () => {
    const { outbox, socket, send, seen } = setUp({ queue_bytes: 20 })
    send('a'.repeat(15))
    outbox.detach()
    send('b'.repeat(15))
    const second = socket()
    second.bufferedAmount = 10
    outbox.resume(second, 0)
    send('c'.repeat(15))
    expect(seen.overflows).toBe(0)
    second.bufferedAmount = 0
    outbox.flush()
    second.bufferedAmount = 10
    send('d'.repeat(21))
    expect([second.texts.length, seen.overflows]).toEqual([3, 1])
  })

  it('gives what was missed first, even where access has run out before the socket took it', () => {
    const { outbox, first, socket, send } = setUp()
    send('a')
    outbox.send(frame('ping', { kind: 'system' }))
    send('b')
    outbox.detach()
    send('c')
    const [second, third] = [socket(), socket()]
    second.bufferedAmount = 10
    outbox.resume(second, 0)
    outbox.withhold()
    outbox.send(frame('expired', { kind: 'system' }))
    expect(second.texts).toEqual([])
    // Nor does it become something new by waiting for yet another socket.
    outbox.detach()
    third.bufferedAmount = 10
    outbox.resume(third, 0)
    outbox.withhold()
    third.bufferedAmount = 0
    outbox.send(frame('again', { kind: 'system' }))
    expect(third.texts).toEqual(['a', 'ping', 'b', 'expired', 'again'])
    outbox.release()
    send('d')
    expect(third.texts.slice(5)).toEqual(['c', 'd'])
    expect([first.texts.length, outbox.canResume(7), outbox.canResume(8)]).toEqual([3, true, false])
  })

  it('gives system frames in their order while access has run out, as far as the socket takes them', () => {
    const { outbox, first, send, time } = setUp({ stall_ms: 1_000 })
    const say = (text: string) => outbox.send(frame(text, { kind: 'system' }))
    first.bufferedAmount = 10
    send('a')
    say('expiring')
    outbox.withhold()
    say('expired')
    expect(first.texts).toEqual([])
    first.bufferedAmount = 0
    outbox.flush()
    expect(first.texts).toEqual(['expiring', 'expired'])
    send('b')
    say('again')
    expect(first.texts).toEqual(['expiring', 'expired', 'again'])
    time.now = 1_000
    expect(outbox.isStalled()).toBe(false)
    outbox.release()
    expect(first.texts).toEqual(['expiring', 'expired', 'again', 'a', 'b'])
  })

  it('counts what it holds, and lets go of it', () => {
    const { outbox, send, load } = setUp()
    send('abc')
    outbox.detach()
    send('de')
    expect([outbox.bytes, load.bytes]).toEqual([5, 5])
    outbox.relieve()
    expect([load.bytes, outbox.canResume(1), outbox.canResume(0)]).toEqual([2, true, false])
    outbox.clear()
    expect(load.bytes).toBe(0)
  })
})
