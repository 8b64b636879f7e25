import type { LeaveCause, Occupant, Outbound, Peer } from '../context.ts'
import { deliver, eventFrame, outbound } from '../deliver.ts'
import type { Encoder } from '../encoder.ts'
import { isMeshError, MeshError } from '../errors.ts'
import { decode, type ClientFrame } from '../frame.ts'
import type { Hub } from '../hub.ts'
import type { Ids } from '../ids.ts'
import { internalError } from '../internal-error.ts'
import type { Bus, Clock, Logger } from '../ports/index.ts'
import type { Others } from '../router.ts'
import type { Connection, ConnectionRequest, MeshSocket } from '../transport.ts'
import { createBridges, type Bridges } from './bridges.ts'
import { createCalls } from './calls.ts'
import { createDirectory, type Directory } from './directory.ts'
import { createGossip } from './gossip.ts'
import { createHomes } from './homes.ts'
import { createLinks } from './link.ts'
import { topicOf, write, type Direct, type PeerCard, type Place, type Placed } from './messages.ts'
import { createOwed } from './owed.ts'
import { RemotePeer } from './remote-peer.ts'

/** The other nodes of the installation, as this one sees them. */
export interface Cluster {
  readonly directory: Directory
  /** Makes known to the other nodes what is to be shown of an occupant of this one, and that it has left. */
  readonly tellOthers: { shown(occupant: Occupant): void; left(occupant: Occupant, cause: LeaveCause): void }
  /** Notes that a session in which a peer has part lives on this node, or has ended. */
  home(peer: Peer, session_id: string, isOpen: boolean): void
  readonly passOn: Others['passOn']
  /** The other node on which a session lives, if it is there. */
  homeOfSession(session_id: string): string | undefined
  /** Whether what other nodes store may go unsaid: the bus is down, or one of them is silent that did not say it stops. */
  readonly isBlind: boolean
  /** Opens a bridge to a session of another node. */
  readonly bridge: Bridges['open']
  /** Looks after the other nodes; called about once a second. */
  tick(): void
  /** Tells the others that this node stops. */
  close(): void
}

/**
 * What makes peers of several nodes meet. Each node keeps the sessions of the peers that are connected to it, tells the
 * others who is in which room, and is the home of what its own peers begin: whatever others have to say about that is
 * passed on to it.
 */
export function createCluster(options: {
  /** A name of this node that no other has, nor had, and as long as theirs: the ids of its sessions end with it. */
  node: string
  bus: Bus
  clock: Clock
  ids: Ids
  logger: Logger
  encoder: Encoder
  /** Nesting that a frame may have. */
  depth: number
  hub: () => Hub
  /** Hears of each signal that was lost between two nodes, or refused to a peer of another since there is nobody. */
  unroutable(): void
  /** Hears how long another node took to answer over the bus, in milliseconds. */
  answered(ms: number): void
  /** The node of a device went without a word, and so nobody else says that the device did. */
  deviceLost(device_id: string): void
  /** Judges and handles a frame. @throws MeshError, or rejects with it */
  route(peer: Peer, frame: ClientFrame, size: number): void | Promise<void>
  /** Takes a connection as if its socket were here. */
  accept(socket: MeshSocket, request: ConnectionRequest): Connection
}): Cluster {
  const { node, bus, encoder, unroutable } = options
  const calls = createCalls(options)
  const homes = createHomes()
  const owed = createOwed()
  const bridges = createBridges({
    ...options,
    newId: options.ids.uuid,
    send: (to, bridge, what, text) => links.to(to).send({ kind: 'bridge', node, bridge, what }, text),
  })
  const directory = createDirectory({ forward, refuse, reaches: (other) => bus.isUp && gossip.reaches(other) })
  const gossip = createGossip({
    ...options,
    here: placesHere,
    ask: (other) => bus.publish(topicOf(other), write({ kind: 'ask', node })),
    on: {
      in(from, card, place) {
        const { peer, isNews } = directory.put(from, card, place)
        if (isNews) options.hub().arrive(peer, place)
      },
      out(peer_id, room_id, cause) {
        const peer = directory.find(peer_id)
        if (!peer) return
        directory.take(peer, room_id)
        options.hub().depart(peer, room_id, cause)
      },
      placesOf: (from) =>
        [...directory.node(from).peers.values()].map((peer) => [peer.peer_id, [...peer.places.keys()]]),
      silent(from) {
        for (const { device_id } of directory.node(from).peers.values()) {
          if (device_id !== undefined) options.deviceLost(device_id)
        }
      },
      lost(from) {
        directory.forget(from)
        links.giveUp(from)
        bridges.lose(from)
        for (const { peer, id } of owed.takeAll(from)) peer.fail(new MeshError('UNROUTABLE'), id)
        for (const { peer_id, session_id } of homes.takeAll(from)) abandon(peer_id, session_id)
      },
    },
  })

  function placesHere(): Placed[] {
    return [...options.hub().peers.values()].map((peer) => ({
      peer: cardOf(peer),
      places: [...peer.rooms.values()].map(placeOf),
    }))
  }

  function forward(peer: RemotePeer, frame: Outbound): void {
    const { text, kind, room, from, id } = frame
    // A signal gets there now or its sender hears that it did not. What the server says, the end of a call say, waits.
    const lost = kind === 'signal' ? () => undeliverable(frame) : undefined
    if (lost && !bus.isUp) return lost()
    const message = {
      kind: 'frame',
      node,
      to: peer.peer_id,
      as: kind,
      room_id: room?.room_id,
      from: from?.peer_id,
      id,
    } as const
    links.to(peer.node).send(message, text, lost)
  }

  /** Whoever sent a signal hears that it did not get there. */
  function undeliverable({ kind, from, id }: Outbound): void {
    if (kind !== 'signal') return
    unroutable()
    if (!from || id === undefined) return
    deliver(eventFrame(encoder.error(from.peer_id, new MeshError('UNROUTABLE'), id)), [from])
  }

  function refuse(peer: RemotePeer, error: unknown, reply_to: string | undefined): void {
    const known = isMeshError(error) ? error : internalError(options, error, 'a handler failed')
    // All that is passed on from there are signals.
    if (known.code === 'UNROUTABLE') unroutable()
    deliver(eventFrame(encoder.error(peer.peer_id, known, reply_to)), [peer])
  }

  /** The node on which a session lived is gone, and the session with it. */
  function abandon(peer_id: string, session_id: string): void {
    const hub = options.hub()
    const peer = hub.peers.get(peer_id)
    if (!peer) return
    if (session_id.startsWith('rtc_')) hub.tell(peer, 'rtc.bye', { rtc_id: session_id, reason: 'failed' })
    else hub.tell(peer, 'p2p.session.closed', { session_id, reason: 'failed' })
  }

  /** A peer that has left every room has part in nothing that lives here, although what it said got here after that. */
  function disown({ node: from, peer_id }: Extract<Direct, { kind: 'call' }>, text: string): void {
    const { id } = decode(text, options.depth)
    const error = encoder.error(peer_id, new MeshError('NOT_FOUND'), id)
    links.to(from).send({ kind: 'frame', node, to: peer_id, as: 'event' }, error)
  }

  /** A frame of another node for a peer of this one. What happens in a room is for those who are there now. */
  function take(message: Extract<Direct, { kind: 'frame' }>, text: string): void {
    const { to, as, room_id, from, id } = message
    if (as === 'event' && !owed.sent(message.node, to, text)) return
    const hub = options.hub()
    const peer = hub.peers.get(to)
    const room = room_id === undefined ? undefined : hub.rooms.get(room_id)
    const frame = outbound(text, { kind: as, room, from: directory.find(from ?? ''), id })
    if (peer && (room_id === undefined || peer.rooms.has(room_id))) return deliver(frame, [peer])
    undeliverable(frame)
    if (as !== 'event') return
    // Whoever asked before it left is owed an answer all the same: leaving has ended what it asked about.
    const { reply_to } = JSON.parse(text) as { reply_to?: string }
    if (reply_to !== undefined) peer?.fail(new MeshError('NOT_FOUND'), reply_to)
  }

  const links = createLinks({
    ...options,
    asked: gossip.asked,
    reaches: gossip.reaches,
    over: gossip.lose,
    unheard: gossip.doubt,
    deliver(message, text) {
      if (message.kind === 'frame') take(message, text)
      else if (message.kind === 'home') homes.set(message)
      else if (message.kind === 'bridge') bridges.take(message.node, message, text)
      else if (message.kind === 'call') {
        const peer = directory.find(message.peer_id)
        if (peer) calls.take(peer, text, message.size)
        else disown(message, text)
      }
    },
  })

  return {
    directory,
    tellOthers: {
      shown: (occupant) => gossip.tell({ kind: 'in', peer: cardOf(occupant.peer), place: placeOf(occupant) }),
      left: ({ peer, room }, cause) =>
        gossip.tell({ kind: 'out', peer_id: peer.peer_id, room_id: room.room_id, cause }),
    },
    home(peer, session_id, isOpen) {
      if (!(peer instanceof RemotePeer)) return
      links.to(peer.node).send({ kind: 'home', node, peer_id: peer.peer_id, session_id, isOpen })
    },
    passOn(peer, session_id, frame, size, isAnswered) {
      const home = homes.of(peer.peer_id, session_id)
      if (home === undefined) return false
      const giveUp = owed.add(home, peer, frame.id, isAnswered)
      const lost = () => {
        giveUp()
        unroutable()
        peer.fail(new MeshError('UNROUTABLE'), frame.id)
      }
      if (bus.isUp) links.to(home).send({ kind: 'call', node, peer_id: peer.peer_id, size }, frame.text, lost)
      else lost()
      return true
    },
    homeOfSession(session_id) {
      const home = session_id.slice(-node.length)
      return home !== node && bus.isUp && gossip.reaches(home) ? home : undefined
    },
    get isBlind() {
      return !bus.isUp || gossip.missesSome
    },
    bridge: bridges.open,
    tick() {
      gossip.tick()
      links.tick()
    },
    close() {
      links.close()
      gossip.close()
    },
  }
}

function cardOf({
  peer_id,
  user_id,
  username,
  identity,
  device_id,
  device_jkt,
  sid,
  kid,
  reconnecting,
}: Peer): PeerCard {
  return { peer_id, user_id, username, identity, device_id, device_jkt, sid, kid, reconnecting }
}

function placeOf({ room, role, member_seq, presence: { status, note, last_seen } }: Occupant): Place {
  return { room_id: room.room_id, role, member_seq, status, note, last_seen }
}
