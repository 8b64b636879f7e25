import { excessOf, type RoomPolicy, type ShareLimits } from '../acl.ts'
import type { Engine, Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { DeviceOwners } from './owners.ts'

/**
 * Who may hold which capability, for granting and for every use alike: what the role and the policy of the room say, and
 * besides, the owner of a device may always control a terminal there, whatever they are in the room.
 */
export function createMayHold({
  capsOf,
  peersOf,
  ownerOf,
}: Pick<Engine, 'capsOf'> &
  Pick<DeviceOwners, 'ownerOf'> & { peersOf(user_id: string): Iterable<Peer> }): Engine['mayHold'] {
  return (cap, { user_id, role, policy, target }) => {
    if (capsOf(role, policy).includes(cap)) return true
    if (cap !== 'terminal:control' || target === undefined) return false
    for (const own of peersOf(user_id)) if (own.peer_id === target || own.device_id === target) return true
    return ownerOf(target) === user_id
  }
}

/** Holds what is asked for to what the room allows. @throws MeshError ACCESS_DENIED */
export function requireWithin(asked: { [K in keyof ShareLimits]?: number | undefined }, policy: RoomPolicy): void {
  const reason = excessOf(asked, policy)
  if (reason) throw new MeshError('ACCESS_DENIED', undefined, { reason })
}
