import type { Limits } from './limits.ts'
import { networkOf } from './network.ts'
import { createRateLimiter } from './rate-limiter.ts'

/** Counts connections by network address, for the limits that hold before anybody has said who they are. */
export interface AddressCounts {
  /** Whether another connection may be opened now. Each look counts as a handshake, until a welcome makes up for it. */
  admits(address: string): boolean
  opened(address: string): void
  welcomed(address: string): void
  ended(address: string, wasWelcome: boolean): void
}

/** @see AddressCounts. `now` is monotonic, in milliseconds. */
export function createAddressCounts(limits: Limits, now: () => number): AddressCounts {
  const counts = new Map<string, { all: number; unauthenticated: number }>()
  const handshakes = createRateLimiter(limits.attempts.handshake, now)
  let unauthenticated = 0

  function count(address: string, all: number, waiting: number): void {
    const network = networkOf(address)
    const own = counts.get(network) ?? { all: 0, unauthenticated: 0 }
    own.all += all
    own.unauthenticated += waiting
    unauthenticated += waiting
    if (own.all > 0) counts.set(network, own)
    else counts.delete(network)
  }

  return {
    admits(address) {
      const network = networkOf(address)
      const own = counts.get(network)
      return (
        unauthenticated < limits.unauthenticated &&
        (own?.unauthenticated ?? 0) < limits.unauthenticated_per_address &&
        (own?.all ?? 0) < limits.connections_per_address &&
        handshakes.take(network) === 0
      )
    },
    opened: (address) => count(address, 1, 1),
    welcomed(address) {
      handshakes.giveBack(networkOf(address))
      count(address, 0, -1)
    },
    ended: (address, wasWelcome) => count(address, -1, wasWelcome ? 0 : -1),
  }
}
