import { shareLimitsOf, type RoomPolicy, type ShareLimits } from '../acl.ts'
import type { Engine } from '../context.ts'
import { MeshError } from '../errors.ts'

/**
 * Who may hold which capability, for granting and for every use alike: what the role and the policy of the room say, and
 * besides, the owner of a device may always control a terminal there, whatever they are in the room.
 */
export function createMayHold({ capsOf, peers }: Pick<Engine, 'capsOf' | 'peers'>): Engine['mayHold'] {
  function isOwn(user_id: string, target: string): boolean {
    const peer = peers.get(target)
    if (peer) return peer.user_id === user_id
    for (const other of peers.values()) if (other.device_id === target) return other.user_id === user_id
    return false
  }

  return (cap, { user_id, role, policy, target }) =>
    capsOf(role, policy).includes(cap) || (cap === 'terminal:control' && target !== undefined && isOwn(user_id, target))
}

/** Holds what is asked for to what the room allows. @throws MeshError ACCESS_DENIED */
export function requireWithin(asked: { [K in keyof ShareLimits]?: number | undefined }, policy: RoomPolicy): void {
  const { max_size, max_rate } = shareLimitsOf(policy)
  if ((asked.max_size ?? 0) > max_size) throw denied('max_size')
  // No limit at all is more than any limit.
  const rate = asked.max_rate === 0 ? Infinity : (asked.max_rate ?? 0)
  if (max_rate > 0 && rate > max_rate) throw denied('max_rate')
}

const denied = (reason: string) => new MeshError('ACCESS_DENIED', undefined, { reason })
