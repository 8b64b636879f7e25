import type { PeerCard, Place } from './messages.ts'
import { RemotePeer, type RemoteHost } from './remote-peer.ts'

/** The peers of one other node. */
export interface RemoteNode {
  readonly id: string
  readonly peers: Map<string, RemotePeer>
}

/** Who is where on other nodes: as they told it, which may be a little late. */
export interface Directory {
  readonly nodes: ReadonlyMap<string, RemoteNode>
  find(peer_id: string): RemotePeer | undefined
  /** The peers of other nodes in a room. */
  inRoom(room_id: string): ReadonlySet<RemotePeer>
  node(id: string): RemoteNode
  /** Notes where a peer is, or what has changed about it there, and says whether that is news. */
  put(node: string, card: PeerCard, place: Place): { peer: RemotePeer; isNews: boolean }
  /** Notes that a peer is no longer in a room; whoever is in none is forgotten. */
  take(peer: RemotePeer, room_id: string): void
  /** Forgets a node; its peers must have been taken out of their rooms. */
  forget(node: string): void
}

/** @see Directory */
export function createDirectory(host: RemoteHost): Directory {
  const nodes = new Map<string, RemoteNode>()
  const peers = new Map<string, RemotePeer>()
  const byRoom = new Map<string, Set<RemotePeer>>()

  function nodeOf(id: string): RemoteNode {
    const known = nodes.get(id) ?? { id, peers: new Map<string, RemotePeer>() }
    nodes.set(id, known)
    return known
  }

  return {
    nodes,
    node: nodeOf,
    find: (peer_id) => peers.get(peer_id),
    inRoom: (room_id) => byRoom.get(room_id) ?? nobody,
    put(node, card, place) {
      const known = peers.get(card.peer_id)
      const peer = known ?? new RemotePeer(host, node, card)
      const isNews =
        peer.isAway !== card.reconnecting || JSON.stringify(peer.places.get(place.room_id)) !== JSON.stringify(place)
      peer.update(card)
      peers.set(card.peer_id, peer)
      nodeOf(node).peers.set(card.peer_id, peer)
      peer.places.set(place.room_id, place)
      byRoom.set(place.room_id, (byRoom.get(place.room_id) ?? new Set()).add(peer))
      return { peer, isNews }
    },
    take(peer, room_id) {
      peer.places.delete(room_id)
      const inRoom = byRoom.get(room_id)
      if (inRoom?.delete(peer) && inRoom.size === 0) byRoom.delete(room_id)
      if (peer.places.size > 0) return
      peers.delete(peer.peer_id)
      nodes.get(peer.node)?.peers.delete(peer.peer_id)
    },
    forget: (node) => void nodes.delete(node),
  }
}

const nobody: ReadonlySet<RemotePeer> = new Set()
