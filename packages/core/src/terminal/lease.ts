import type { Release, Renewal, Take, Terminal } from '../ports/index.ts'

/**
 * The rules of control, as plain decisions about a terminal as it is. A store makes each of them in the same step as the
 * write that follows from it; a database does so in one conditional statement that says the same.
 */

/** How a lease stands to somebody who wants it. Everything but `held` is granted, under a higher fence. */
export type Standing = 'free' | 'expired' | 'own' | 'forced' | 'held'

/** @see Standing */
export function standingOf(
  { lease }: Pick<Terminal, 'lease'>,
  { peer_id, force, now }: Pick<Take, 'peer_id' | 'force' | 'now'>,
): Standing {
  if (!lease) return 'free'
  if (lease.expires_at <= now) return 'expired'
  if (lease.peer_id === peer_id) return 'own'
  return force ? 'forced' : 'held'
}

/** Whether this is the grant in force. A lease that ran out is never renewed: somebody may have counted on its end. */
export function mayRenew(
  { lease, fence }: Pick<Terminal, 'lease' | 'fence'>,
  renewal: Pick<Renewal, 'peer_id' | 'fence' | 'now'>,
): boolean {
  return lease?.peer_id === renewal.peer_id && fence === renewal.fence && lease.expires_at > renewal.now
}

/** Whether this is the lease to end. */
export function mayRelease(
  { lease, fence }: Pick<Terminal, 'lease' | 'fence'>,
  which: Pick<Release, 'holder' | 'fence' | 'overdue'>,
): boolean {
  if (!lease) return false
  if (which.holder !== undefined && which.holder !== lease.peer_id) return false
  if (which.fence !== undefined && which.fence !== fence) return false
  return which.overdue === undefined || lease.expires_at <= which.overdue
}

/** Whether the node of the host still vouches for the terminal. */
export function isAlive({ alive_until }: Pick<Terminal, 'alive_until'>, now: number): boolean {
  return alive_until > now
}

/** The peer in control now. */
export function holderOf({ lease }: Pick<Terminal, 'lease'>, now: number): string | undefined {
  return lease && lease.expires_at > now ? lease.peer_id : undefined
}
