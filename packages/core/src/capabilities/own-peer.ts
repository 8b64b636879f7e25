import type { Peer, Principal } from '../context.ts'

/**
 * The live peer of somebody that an id names, its own or that of its device; somebody else's is as unknown as one that is
 * not there. To a device even the other devices of its user are somebody else's, so that a stolen one opens no more than
 * itself.
 */
export function ownPeer(
  peers: ReadonlyMap<string, Peer>,
  { user_id, device_id }: Pick<Principal, 'user_id' | 'device_id'>,
  id: string,
): Peer | undefined {
  const isOwn = (peer: Peer) => peer.user_id === user_id && (device_id === undefined || peer.device_id === device_id)
  const named = peers.get(id)
  if (named) return isOwn(named) ? named : undefined
  for (const peer of peers.values()) if (peer.device_id === id && isOwn(peer)) return peer
  return undefined
}
