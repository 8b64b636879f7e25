import type { Selector, Storage } from '@mesh/core'
import { defaultIssuer, hostSessionId, hostUserId } from './host.ts'

/** Whose access ends. The ids are the host's own; those of Mesh (`usr_`, `sess_`, `dev_`) are understood as well. */
export type RevokeTarget =
  | { userId: string; issuer?: string | undefined }
  | { sessionId: string }
  | { deviceId: string }

/**
 * Ends the access of a user, a session or a device at once, on every node: connections close with 4101, and every token
 * made before is good for nothing. A user may come back with a new login, a session may not. Whoever the host does not
 * vouch for any more should be out of its own sessions first. Resolves when it is durable.
 * @throws MeshError UNAVAILABLE; the connections are closed even then
 */
export type Revoke = (target: RevokeTarget) => Promise<void>

/** How long a revocation is remembered: as long as any token it has to stop could live. Milliseconds. */
const rememberedMs = 14 * 24 * 3600 * 1000

/** @see Revoke */
export function createRevoke(options: {
  storage: Storage
  /** By whom the host's users are known where a target names nobody. */
  issuers: readonly string[]
  disconnect(which: Selector): void
  now(): number
}): Revoke {
  const { storage, issuers, disconnect, now } = options

  return async (target) => {
    const at = now()
    const selectors = selectorsOf(target, issuers)
    const notes = selectors
      .flatMap((which) => Object.values(which))
      .map((id: string) => {
        return storage.revocations.add({ id, revoked_at: at, expires_at: at + rememberedMs })
      })
    const logins = selectors.map((which) =>
      'sid' in which || 'user_id' in which ? storage.logins.revoke(which, at) : undefined,
    )
    try {
      await Promise.all([...notes, ...logins])
    } finally {
      // Last, so that nobody comes in between who was let in by what has just changed.
      for (const which of selectors) disconnect(which)
    }
  }
}

/** Both readings of an id: too much is ended rather than too little, and random ids are nobody else's by chance. */
function selectorsOf(target: RevokeTarget, issuers: readonly string[]): (Selector & object)[] {
  if ('deviceId' in target) return [{ device_id: target.deviceId }]
  if ('sessionId' in target) return [{ sid: hostSessionId(target.sessionId) }, { sid: target.sessionId }]
  const known = target.issuer === undefined ? [...new Set([defaultIssuer, ...issuers])] : [target.issuer]
  return [...known.map((issuer) => ({ user_id: hostUserId(target.userId, issuer) })), { user_id: target.userId }]
}
