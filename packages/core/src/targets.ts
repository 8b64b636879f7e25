import type { Engine, Peer } from './context.ts'

/** @see Engine.targetsOf */
export const targetsOf: Engine['targetsOf'] = ({ room, peer }, to) => {
  const isThere = (other: Peer) => other !== peer && !other.reconnecting
  const named = room.occupants.get(to)?.peer
  if (named) return isThere(named) ? [named] : []
  return [...room.occupants.values()]
    .map((occupant) => occupant.peer)
    .filter((other) => isThere(other) && (other.user_id === to || other.device_id === to))
}
