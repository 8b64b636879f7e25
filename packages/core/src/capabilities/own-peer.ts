import type { Peer, Principal } from '../context.ts'
import type { Clock, Storage } from '../ports/index.ts'

/**
 * The live peer of somebody, on whichever node, that an id names, its own or that of its device; somebody else's is as unknown as one that is
 * not there. To a device even the other devices of its user are somebody else's, so that a stolen one opens no more than
 * itself.
 */
export function ownPeer(
  peersOf: (user_id: string) => Iterable<Peer>,
  { user_id, device_id }: Pick<Principal, 'user_id' | 'device_id'>,
  id: string,
): Peer | undefined {
  for (const peer of peersOf(user_id)) {
    const isOwn = device_id === undefined || peer.device_id === device_id
    if (isOwn && (peer.peer_id === id || peer.device_id === id)) return peer
  }
  return undefined
}

/**
 * The device of somebody that an id names, connected or not, as long as its key is good; somebody else's is as unknown as
 * one that is not there. It is read each time: a device that was revoked is forgotten.
 */
export async function ownDevice(
  { storage, clock }: { storage: Pick<Storage, 'devices'>; clock: Clock },
  { user_id, device_id }: Pick<Principal, 'user_id' | 'device_id'>,
  id: string,
): Promise<Pick<Principal, 'user_id' | 'device_id' | 'device_jkt'> | undefined> {
  if (device_id !== undefined && device_id !== id) return undefined
  const device = await storage.devices.find(id)
  if (device?.user_id !== user_id || device.expires_at <= clock.now()) return undefined
  return { user_id, device_id: id, device_jkt: device.jkt }
}
