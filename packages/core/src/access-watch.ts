import { isMeshError } from './errors.ts'
import type { Clock, Logger, Storage } from './ports/index.ts'
import type { Session } from './session.ts'

/** How many sessions one read is about. */
const together = 500

/** Ends sessions whose access was taken back without a word of that having come. */
export interface AccessWatch {
  /** Looks every session up when that is due, or was and could not be done; called about once a second. */
  tick(isDue: boolean): void
}

/**
 * What another node revokes is said over the bus, and may get lost with it. The storage knows it all the same: what it
 * says of those who are connected here is what counts.
 */
export function createAccessWatch(options: {
  storage: Pick<Storage, 'revocations'>
  clock: Clock
  logger: Logger
  sessions: ReadonlyMap<string, Session>
}): AccessWatch {
  const { storage, clock, logger, sessions } = options
  let isLooking = false
  let isOwed = false
  let hasFailed = false

  async function lookAt(some: readonly Session[]): Promise<void> {
    const ids = (of: (session: Session) => string | undefined) => [...new Set(some.flatMap((one) => of(one) ?? []))]
    const ended = await storage.revocations.ended(
      { user_ids: ids((one) => one.user_id), sids: ids((one) => one.sid), device_ids: ids((one) => one.device_id) },
      clock.now(),
    )
    const before = new Map(ended.map((one) => [one.id, one.before]))
    const endOf = (id: string | undefined) => before.get(id ?? '') ?? 0
    for (const session of some) {
      const { user_id, sid, device_id, proven_at } = session
      if (proven_at < Math.max(endOf(user_id), endOf(sid), endOf(device_id))) session.close('revoked')
    }
  }

  async function look(): Promise<void> {
    isLooking = true
    isOwed = false
    try {
      const all = [...sessions.values()]
      for (let at = 0; at < all.length; at += together) await lookAt(all.slice(at, at + together))
      hasFailed = false
    } catch (error) {
      isOwed = true
      if (!hasFailed) {
        logger.warn({ code: isMeshError(error) ? error.code : 'INTERNAL' }, 'revocations cannot be looked up')
      }
      hasFailed = true
    } finally {
      isLooking = false
    }
  }

  return {
    tick(isDue) {
      isOwed ||= isDue
      if (isOwed && !isLooking) void look()
    },
  }
}
