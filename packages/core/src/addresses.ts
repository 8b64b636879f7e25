import type { Limits } from './limits.ts'

/** Counts connections by network address, for the limits that hold before anybody has said who they are. */
export interface AddressCounts {
  isFull(address: string): boolean
  opened(address: string): void
  welcomed(address: string): void
  ended(address: string, wasWelcome: boolean): void
}

/** @see AddressCounts */
export function createAddressCounts(limits: Limits): AddressCounts {
  const counts = new Map<string, { all: number; unauthenticated: number }>()
  let unauthenticated = 0

  function count(address: string, all: number, waiting: number): void {
    const own = counts.get(address) ?? { all: 0, unauthenticated: 0 }
    own.all += all
    own.unauthenticated += waiting
    unauthenticated += waiting
    if (own.all > 0) counts.set(address, own)
    else counts.delete(address)
  }

  return {
    isFull(address) {
      const own = counts.get(address)
      return (
        unauthenticated >= limits.unauthenticated ||
        (own?.unauthenticated ?? 0) >= limits.unauthenticated_per_address ||
        (own?.all ?? 0) >= limits.connections_per_address
      )
    },
    opened: (address) => count(address, 1, 1),
    welcomed: (address) => count(address, 0, -1),
    ended: (address, wasWelcome) => count(address, -1, wasWelcome ? 0 : -1),
  }
}
