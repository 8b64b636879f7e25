import type { LeaveCause } from '../context.ts'
import type { Bus, Clock } from '../ports/index.ts'
import { everybody, type Numbered, type PeerCard, type Place, type Placed, type Told } from './messages.ts'

/** How long a message about many peers gets, in characters: some buses take no more than a megabyte. */
const partLength = 256 * 1024
/** How often a node says that it is there, and after how long a silence it counts as unreachable and as gone; in ms. */
const beatMs = 5_000
const doubtfulMs = 12_000
export const goneMs = 15_000
/** How long it has to be heard again when nobody listens there, in ms. */
const unheardMs = 3_000
/** After how long a silence a node is missed, and how long after it is gone, unless it said so; in ms. */
const lateMs = 7_000
const missedMs = 10 * 60_000

/** What becomes of what other nodes tell. */
export interface GossipHooks {
  in(node: string, peer: PeerCard, place: Place): void
  out(peer_id: string, room_id: string, cause: LeaveCause): void
  /** Which peers a node has told of, and in which rooms. */
  placesOf(node: string): [peer_id: string, room_ids: string[]][]
  /** A node went without a word; its peers are still known. */
  silent(node: string): void
  /** A node is gone; its peers have been taken out of their rooms. */
  lost(node: string): void
}

/** How nodes learn who is where: each tells the others what changes, and everything to whoever missed something. */
export interface Gossip {
  tell(told: Told): void
  /** Somebody wants to hear everything. */
  asked(node: string): void
  /** Nobody listens at a node: unless it is heard again soon, it is gone. */
  doubt(node: string): void
  /** A node, and all its peers, are gone as far as this one is concerned. */
  lose(node: string): void
  /** Whether a node was heard lately. */
  reaches(node: string): boolean
  /**
   * Whether a node is silent that did not say that it stops. It may have died, or be cut off and store things of which
   * nobody else is told.
   */
  readonly missesSome: boolean
  tick(): void
  close(): void
}

interface Heard {
  /** The number of the latest thing that was taken in. */
  n: number
  /** Monotonic. */
  at: number
  /** Whether nothing was missed, as far as is known. */
  isCurrent: boolean
  /** What has come of everything that it told, until the last part; and the number of that telling. */
  parts: Placed[][]
  partsOf: number
}

/** @see Gossip */
export function createGossip(options: {
  node: string
  bus: Bus
  clock: Clock
  /** Everything that this node has to tell. */
  here(): Placed[]
  /** Asks a node to tell everything. */
  ask(node: string): void
  on: GossipHooks
}): Gossip {
  const { node, bus, clock, on } = options
  const nodes = new Map<string, Heard>()
  /** Nodes that went without a word, and when. */
  const missed = new Map<string, number>()
  let n = 0
  let beatAt = Number.NEGATIVE_INFINITY
  /** Which life of the bus the latest beat went out in; none, where it was down. */
  let beatIn: number | undefined

  function publish(told: Told): void {
    const numbered: Numbered = { ...told, node, n }
    bus.publish(everybody, JSON.stringify(numbered))
  }

  function tell(told: Told): void {
    n++
    // Nobody is known who could hear it: whoever comes asks for everything. Whoever has been there all along, and was not heard
    // here, sees by the number that something was told.
    if (nodes.size > 0) publish(told)
  }

  const lifeOfBus = () => (bus.isUp ? bus.outages : undefined)

  function beat(): void {
    beatAt = clock.monotonic()
    beatIn = lifeOfBus()
    publish({ kind: 'beat' })
  }

  /** Something of this node was missed, or is not known yet. */
  function miss(from: string, heard: Heard): void {
    heard.isCurrent = false
    options.ask(from)
  }

  function meet(from: string, n: number): void {
    note(from, n)
    options.ask(from)
  }

  function note(from: string, n: number): Heard {
    const heard = { n, at: clock.monotonic(), isCurrent: false, parts: [], partsOf: n }
    nodes.set(from, heard)
    return heard
  }

  function hear(told: Numbered): void {
    const { node: from } = told
    missed.delete(from)
    if (told.kind === 'gone') return lose(from)
    const known = nodes.get(from)
    if (told.kind === 'all') return hearAll(told, known ?? note(from, told.n))
    if (!known) return meet(from, told.n)
    known.at = clock.monotonic()
    if (told.kind === 'beat') {
      if (!known.isCurrent || told.n !== known.n) miss(from, known)
      return
    }
    // Whatever comes before everything has been told is in that.
    if (!known.isCurrent) return
    if (told.n !== known.n + 1) return miss(from, known)
    known.n = told.n
    if (told.kind === 'in') on.in(from, told.peer, told.place)
    else on.out(told.peer_id, told.room_id, told.cause)
  }

  /** Everything comes in parts. Where one of them is missed, the next beat asks for all of them again. */
  function hearAll(told: Numbered & { kind: 'all' }, known: Heard): void {
    known.at = clock.monotonic()
    if (told.part === 0) Object.assign(known, { parts: [], partsOf: told.n })
    if (told.part !== known.parts.length || told.n !== known.partsOf) return
    known.parts.push(told.peers)
    if (!told.isLast) return
    const peers = known.parts.flat()
    const isNews = !known.isCurrent || known.n !== told.n
    Object.assign(known, { n: told.n, isCurrent: true, parts: [] })
    if (isNews) takeAll(told.node, peers)
  }

  function tellAll(): void {
    const parts: Placed[][] = [[]]
    let length = 0
    for (const placed of options.here()) {
      const own = JSON.stringify(placed).length
      if (length > 0 && length + own > partLength) {
        parts.push([])
        length = 0
      }
      parts.at(-1)?.push(placed)
      length += own
    }
    for (const [part, peers] of parts.entries()) {
      publish({ kind: 'all', part, isLast: part === parts.length - 1, peers })
    }
  }

  function takeAll(from: string, peers: readonly Placed[]): void {
    const there = new Set(
      peers.flatMap(({ peer, places }) => places.map((place) => `${peer.peer_id} ${place.room_id}`)),
    )
    for (const [peer_id, room_ids] of on.placesOf(from)) {
      for (const room_id of room_ids) {
        if (!there.has(`${peer_id} ${room_id}`)) on.out(peer_id, room_id, 'disconnected')
      }
    }
    for (const { peer, places } of peers) for (const place of places) on.in(from, peer, place)
  }

  function lose(from: string): void {
    if (!nodes.delete(from)) return
    takeAll(from, [])
    on.lost(from)
  }

  const unsubscribe = bus.subscribe(everybody, (written) => hear(JSON.parse(written) as Numbered))
  beat()

  return {
    tell,
    lose,
    doubt(from) {
      // Without a bus nobody is heard, and that says nothing about any of them.
      if (!bus.isUp) return
      const heard = nodes.get(from)
      if (heard) heard.at = Math.min(heard.at, clock.monotonic() - goneMs + unheardMs)
    },
    asked(from) {
      // What was told before this node was there got to nobody here.
      if (!nodes.has(from)) meet(from, -1)
      tellAll()
    },
    reaches(from) {
      const heard = nodes.get(from)
      return heard !== undefined && clock.monotonic() - heard.at < doubtfulMs
    },
    get missesSome() {
      const now = clock.monotonic()
      return missed.size > 0 || [...nodes.values()].some(({ at }) => now - at >= lateMs)
    },
    tick() {
      const now = clock.monotonic()
      // What was told meanwhile got to nobody: the number of the beat says so. The bus may have come back between two looks,
      // and whoever found nobody listening here waits for a word.
      if (now - beatAt >= beatMs || (bus.isUp && lifeOfBus() !== beatIn)) beat()
      for (const [from, { at }] of nodes) {
        if (now - at < goneMs) continue
        missed.set(from, now)
        on.silent(from)
        lose(from)
      }
      for (const [from, at] of missed) if (now - at >= missedMs) missed.delete(from)
    },
    close() {
      publish({ kind: 'gone' })
      unsubscribe()
    },
  }
}
