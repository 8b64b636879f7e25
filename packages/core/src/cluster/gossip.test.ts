import { expect, it } from 'vitest'
import { createMemoryBusLine } from '../memory/bus.ts'
import type { Bus } from '../ports/index.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { quiet } from '../testing/two-nodes.ts'
import { createGossip, type Gossip } from './gossip.ts'
import { everybody, type Told } from './messages.ts'

function setUp() {
  const line = createMemoryBusLine()
  const clock = createManualClock()
  const lost: string[] = []
  const node = (name: string): Gossip => {
    const on = { in() {}, out() {}, placesOf: () => [], silent() {}, lost: (of: string) => void lost.push(of) }
    return createGossip({ node: name, bus: line.connect(), clock, here: () => [], ask() {}, on })
  }
  /** A second passes. */
  async function tick(...nodes: Gossip[]): Promise<void> {
    clock.advance(1_000)
    for (const each of nodes) each.tick()
    await quiet()
  }
  return { line, clock, node, tick, lost }
}

it('a node says that it is there as soon as the bus is back, however shortly it was away', async () => {
  const { line, node, tick } = setUp()
  const [one, other] = [node('one'), node('other')]
  await tick(one, other)
  await tick(one, other)
  line.cut(true)
  // That nobody hears anything now says nothing about the other node.
  one.doubt('other')
  line.cut(false)
  expect(one.reaches('other')).toBe(true)
  one.doubt('other')
  expect(one.reaches('other')).toBe(false)
  await tick(one, other)
  expect(one.reaches('other')).toBe(true)
})

it('a node of which it is said again and again that nobody listens there is gone soon', async () => {
  const { node, tick, lost } = setUp()
  const [one, other] = [node('one'), node('other')]
  await tick(one, other)
  await tick(one, other)
  for (let second = 0; second < 3; second++) {
    expect(lost).toEqual([])
    one.doubt('other')
    await tick(one)
  }
  expect(lost).toEqual(['other'])
})

it('a node that starts before the bus is up says so once it is', async () => {
  const { line, node, tick } = setUp()
  const one = node('one')
  line.cut(true)
  const other = node('other')
  line.cut(false)
  expect(one.reaches('other')).toBe(false)
  await tick(one, other)
  expect(one.reaches('other')).toBe(true)
})

it('a node that falls silent is missed, but not for ever', async () => {
  const { clock, node, tick } = setUp()
  const [one, other] = [node('one'), node('other')]
  await tick(one, other)
  expect(one.missesSome).toBe(false)
  for (let second = 0; second < 7; second++) await tick(one)
  expect(one.missesSome).toBe(true)
  clock.advance(15_000)
  await tick(one)
  clock.advance(9 * 60_000)
  await tick(one)
  expect(one.missesSome).toBe(true)
  clock.advance(60_000)
  await tick(one)
  expect(one.missesSome).toBe(false)
})

it('a node with many peers tells of all of them in messages that every bus takes, whichever of them gets lost first', async () => {
  const line = createMemoryBusLine()
  const clock = createManualClock()
  const peers = Array.from({ length: 3_000 }, (_, n) => ({
    peer: { peer_id: `peer_${n}`, user_id: 'usr_a', username: 'a'.repeat(64), identity: 'usr_a', reconnecting: false },
    places: [{ room_id: 'room_1', role: 'member' as const, member_seq: 1, status: 'online' as const, last_seen: 0 }],
  }))
  const there = new Set<string>()
  const create = (node: string, bus: Bus, here: () => typeof peers, links: Map<string, Gossip>) => {
    const gossip = createGossip({
      node,
      bus,
      clock,
      here,
      ask: (other) => void queueMicrotask(() => links.get(other)?.asked(node)),
      on: {
        in: (_, { peer_id }) => there.add(peer_id),
        out: (peer_id) => there.delete(peer_id),
        placesOf: () => [...there].map((peer_id) => [peer_id, ['room_1']]),
        silent() {},
        lost() {},
      },
    })
    links.set(node, gossip)
    return gossip
  }
  const nodes = new Map<string, Gossip>()
  const small = create('small', line.connect(), () => [], nodes)
  const end = line.connect()
  const sizes: number[] = []
  const publish = (topic: string, message: string) => {
    // Of the first telling the second part gets lost.
    if (sizes.push(message.length) !== 3) end.publish(topic, message)
  }
  const large = create('large', { ...end, isUp: true, publish }, () => peers, nodes)
  await quiet()
  expect(there.size).toBe(0)
  peers.shift()
  for (let second = 0; second < 6; second++) {
    clock.advance(1_000)
    for (const node of [small, large]) node.tick()
    await quiet()
  }
  expect(there.size).toBe(peers.length)
  expect(Math.max(...sizes)).toBeLessThan(300_000)
  // They are told of once more, as they are: nobody goes.
  small.asked('large')
  large.asked('small')
  await quiet()
  expect(there.size).toBe(peers.length)
})

it('what changes while a node hears nobody is asked for by those who heard it all along', async () => {
  const line = createMemoryBusLine()
  const clock = createManualClock()
  const asked: string[] = []
  const [one, other] = ['one', 'other'].map((node) =>
    createGossip({
      node,
      bus: line.connect(),
      clock,
      here: () => [],
      ask: (of) => {
        asked.push(`${node} asks ${of}`)
        queueMicrotask(() => (of === 'one' ? one : other)?.asked(node))
      },
      on: { in() {}, out() {}, placesOf: () => [], silent() {}, lost() {} },
    }),
  )
  await quiet()
  // The other one hears, but has no time to say anything, and is gone for the first.
  for (let second = 0; second < 15; second++) {
    clock.advance(1_000)
    one?.tick()
    await quiet()
  }
  expect([one?.reaches('other'), other?.reaches('one')]).toEqual([false, true])
  one?.tell({ kind: 'out', peer_id: 'peer_a', room_id: 'room_1', cause: 'left' })
  asked.length = 0
  for (let second = 0; second < 5; second++) {
    clock.advance(1_000)
    one?.tick()
    await quiet()
  }
  expect(asked).toContain('other asks one')
})

it('what a node tells is taken in while nothing of it is missed, and from when it has told everything', async () => {
  const line = createMemoryBusLine()
  const clock = createManualClock()
  const end = line.connect()
  const asked: string[] = []
  const there = new Set<string>()
  const lost: string[] = []
  const gossip = createGossip({
    node: 'one',
    bus: line.connect(),
    clock,
    here: () => [],
    ask: (node) => asked.push(node),
    on: {
      in: (_, { peer_id }) => there.add(peer_id),
      out: (peer_id) => there.delete(peer_id),
      silent() {},
      placesOf: () => [...there].map((peer_id) => [peer_id, ['room_1']]),
      lost: (node) => lost.push(node),
    },
  })
  const place = { room_id: 'room_1', role: 'member' as const, member_seq: 1, status: 'online' as const, last_seen: 0 }
  const placed = (peer_id: string) => ({
    peer: { peer_id, user_id: 'usr_a', username: 'a', identity: 'usr_a', reconnecting: false },
    place,
    places: [place],
  })
  const tell = async (n: number, told: Told) => {
    end.publish(everybody, JSON.stringify({ ...told, node: 'other', n }))
    await quiet()
    return { asked: asked.splice(0).length, there: [...there].sort().join() }
  }
  const arrives = (peer_id: string): Told => ({ kind: 'in', ...placed(peer_id) })
  const all = (...peers: string[]): Told => ({ kind: 'all', part: 0, isLast: true, peers: peers.map(placed) })
  const beat: Told = { kind: 'beat' }

  expect(await tell(1, arrives('a'))).toEqual({ asked: 1, there: '' })
  expect(await tell(2, arrives('b'))).toEqual({ asked: 0, there: '' })
  expect(await tell(2, all('a', 'b'))).toEqual({ asked: 0, there: 'a,b' })
  expect(await tell(3, arrives('c'))).toEqual({ asked: 0, there: 'a,b,c' })
  expect(await tell(3, beat)).toEqual({ asked: 0, there: 'a,b,c' })
  // The fourth is missing: what follows counts for nothing, and who is not in everything any more has gone.
  expect(await tell(5, arrives('d'))).toEqual({ asked: 1, there: 'a,b,c' })
  expect(await tell(6, arrives('e'))).toEqual({ asked: 0, there: 'a,b,c' })
  expect(await tell(6, beat)).toEqual({ asked: 1, there: 'a,b,c' })
  expect(await tell(6, all('b', 'd'))).toEqual({ asked: 0, there: 'b,d' })
  // The seventh is missing, and nothing follows but a beat.
  expect(await tell(7, beat)).toEqual({ asked: 1, there: 'b,d' })
  expect(await tell(7, all('b'))).toEqual({ asked: 0, there: 'b' })
  // Of two tellings of everything the end of the one and the beginning of the other got lost: together they are none.
  const part = (of: number, isLast: boolean, ...peers: string[]): Told => ({
    kind: 'all',
    part: of,
    isLast,
    peers: peers.map(placed),
  })
  expect(await tell(9, part(0, false, 'b', 'c'))).toEqual({ asked: 0, there: 'b' })
  expect(await tell(10, part(1, true, 'd'))).toEqual({ asked: 0, there: 'b' })
  expect(await tell(10, part(0, false, 'c'))).toEqual({ asked: 0, there: 'b' })
  expect(await tell(10, part(1, true, 'd'))).toEqual({ asked: 0, there: 'c,d' })
  expect(await tell(11, all('b'))).toEqual({ asked: 0, there: 'b' })
  clock.advance(11_999)
  expect(gossip.reaches('other')).toBe(true)
  clock.advance(1)
  expect(gossip.reaches('other')).toBe(false)
  clock.advance(2_999)
  gossip.tick()
  expect([[...there], lost]).toEqual([['b'], []])
  clock.advance(1)
  gossip.tick()
  expect([[...there], lost]).toEqual([[], ['other']])
  // Who asks is there, though nothing else was heard of it.
  gossip.asked('third')
  expect([asked, gossip.reaches('third')]).toEqual([['third'], true])
})
