import type { Area } from '../context.ts'
import type { capabilityClientEvents } from './events.ts'
import type { Grant } from './grant.ts'

/** Capability tokens over the socket: for the peer that asks. */
export function createCapabilities(grant: Grant): Area<keyof typeof capabilityClientEvents> {
  return {
    handlers: {
      'capability.request': ({ peer, payload, at }) => grant(payload, peer.peer_id, peer, at),
    },
  }
}
