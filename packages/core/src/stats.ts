import type { Counts } from './counts.ts'
import type { Deliveries } from './deliveries/deliveries.ts'
import type { Hub } from './hub.ts'
import type { Router } from './router.ts'

/** How an engine is doing at the moment it is read. What has been counted so far is live. */
export interface Stats {
  /** Open sockets, by who is there: a user's client, a device, or somebody whose hello has yet to come or to be judged. */
  readonly connections: { readonly user: number; readonly agent: number; readonly unauthenticated: number }
  /** Sessions that wait for their client to come back. */
  readonly reconnecting: number
  /** Rooms with peers on this node, and how often a peer of this node is in one. */
  readonly rooms: number
  readonly members: number
  /** What lives on this node: calls, sessions between agents, control of terminals that are shared here. */
  readonly open: { readonly webrtc: number; readonly quic: number; readonly leases: number }
  /** Bytes held for peers: sent and not acknowledged, or waiting for a socket. */
  readonly heldBytes: number
  /** What clients have sent that passed every check, by type of event: frames, and their bytes on the wire. */
  readonly passed: Router['passed']
  /** How long what clients ask of this node takes until it is done or refused, by type of event. */
  readonly requests: Router['requests']
  readonly counts: Counts
  /** What this node delivers to the outside, and whether that is left alone just now. */
  readonly channels: ReturnType<Deliveries['channels']>
}

/** Where {@link readStats} looks. */
interface Sources extends Pick<Stats, 'passed' | 'requests' | 'counts' | 'channels' | 'heldBytes' | 'open'> {
  readonly hub: Pick<Hub, 'peers' | 'rooms'>
  readonly connections: Iterable<{ readonly isWelcome: boolean }>
}

/** Reads how an engine is doing; this costs a look at each of its peers. */
export function readStats({ hub, connections, ...rest }: Sources): Stats {
  const open = { user: 0, agent: 0, unauthenticated: 0 }
  let reconnecting = 0
  for (const { device_id, reconnecting: isAway } of hub.peers.values()) {
    if (isAway) reconnecting++
    else open[device_id === undefined ? 'user' : 'agent']++
  }
  for (const { isWelcome } of connections) if (!isWelcome) open.unauthenticated++
  const members = [...hub.rooms.values()].reduce((sum, room) => sum + room.here, 0)
  return { connections: open, reconnecting, rooms: hub.rooms.size, members, ...rest }
}
