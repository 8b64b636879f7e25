import type { LeaveCause } from '../context.ts'
import type { Bus, Clock } from '../ports/index.ts'
import { everybody, type Numbered, type PeerCard, type Place, type Told } from './messages.ts'

/** How often a node says that it is there, and after how long a silence it counts as unreachable and as gone; in ms. */
const beatMs = 5_000
const doubtfulMs = 12_000
const goneMs = 15_000
/** How long it has to be heard again when nobody listens there, in ms. */
const unheardMs = 3_000

/** What becomes of what other nodes tell. */
export interface GossipHooks {
  in(node: string, peer: PeerCard, place: Place): void
  out(peer_id: string, room_id: string, cause: LeaveCause): void
  /** Which peers a node has told of, and in which rooms. */
  placesOf(node: string): [peer_id: string, room_ids: string[]][]
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
}

/** @see Gossip */
export function createGossip(options: {
  node: string
  bus: Bus
  clock: Clock
  /** Everything that this node has to tell. */
  here(): { peer: PeerCard; places: Place[] }[]
  /** Asks a node to tell everything. */
  ask(node: string): void
  on: GossipHooks
}): Gossip {
  const { node, bus, clock, on } = options
  const nodes = new Map<string, Heard>()
  let n = 0
  let beatAt = Number.NEGATIVE_INFINITY
  let wasUp = true

  function publish(told: Told): void {
    const numbered: Numbered = { ...told, node, n }
    bus.publish(everybody, JSON.stringify(numbered))
  }

  function tell(told: Told): void {
    // Nobody is there to hear it; whoever comes asks for everything.
    if (nodes.size === 0) return
    n++
    publish(told)
  }

  function beat(): void {
    beatAt = clock.monotonic()
    publish({ kind: 'beat' })
  }

  /** Something of this node was missed, or is not known yet. */
  function miss(from: string, heard: Heard): void {
    heard.isCurrent = false
    options.ask(from)
  }

  function meet(from: string, n: number): void {
    nodes.set(from, { n, at: clock.monotonic(), isCurrent: false })
    options.ask(from)
  }

  function hear(told: Numbered): void {
    const { node: from } = told
    if (told.kind === 'gone') return lose(from)
    const at = clock.monotonic()
    const known = nodes.get(from)
    if (told.kind === 'all') {
      nodes.set(from, { n: told.n, at, isCurrent: true })
      if (!known?.isCurrent || known.n !== told.n) takeAll(from, told.peers)
      return
    }
    if (!known) return meet(from, told.n)
    known.at = at
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

  function takeAll(from: string, peers: readonly { peer: PeerCard; places: Place[] }[]): void {
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
      const heard = nodes.get(from)
      if (heard) heard.at = Math.min(heard.at, clock.monotonic() - goneMs + unheardMs)
    },
    asked(from) {
      // What was told before this node was there got to nobody here.
      if (!nodes.has(from)) meet(from, -1)
      publish({ kind: 'all', peers: options.here() })
    },
    reaches(from) {
      const heard = nodes.get(from)
      return heard !== undefined && clock.monotonic() - heard.at < doubtfulMs
    },
    tick() {
      const now = clock.monotonic()
      // What was told meanwhile got to nobody: the number of the beat says so.
      if (now - beatAt >= beatMs || (bus.isUp && !wasUp)) beat()
      wasUp = bus.isUp
      for (const [from, { at }] of nodes) if (now - at >= goneMs) lose(from)
    },
    close() {
      publish({ kind: 'gone' })
      unsubscribe()
    },
  }
}
