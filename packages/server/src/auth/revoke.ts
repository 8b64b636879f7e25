import { field, type Selector, type Storage } from '@mesh/core'
import * as v from 'valibot'
import type { Devices } from './devices.ts'
import { defaultIssuer, hostSessionId, hostUserId } from './host.ts'

/** Whose access ends. The ids are the host's own; those of Mesh (`usr_`, `sess_`, `dev_`) are understood as well, but for a user of an `issuer`. */
export type RevokeTarget =
  | { userId: string; issuer?: string | undefined }
  | { sessionId: string }
  | { deviceId: string }

/**
 * Ends the access of a user, a session or a device at once, on every node: connections close with 4101, and every token
 * made before is good for nothing. A user may come back with a new login, a session may
 * not; a device is forgotten, and so are those of a user. Whoever the host does not
 * vouch for any more should be out of its own sessions first. Resolves when it is durable.
 * @throws MeshError UNAVAILABLE; the connections are closed even then
 */
export interface Revoke {
  (target: RevokeTarget): Promise<void>
  /** The ids by which Mesh knows whose access that is, for the audit log: several where it depends on who knows a user. */
  idsOf(target: RevokeTarget): string[]
}

type RevokedSelector = Extract<Selector, { user_id: string } | { sid: string } | { device_id: string }>

/** How long a revocation is remembered: longer than a token lives that it has to stop. Milliseconds. */
export const rememberedMs = 14 * 24 * 3600 * 1000

/** @see Revoke */
export function createRevoke(options: {
  storage: Storage
  devices: Pick<Devices, 'revoke'>
  /** By whom the host's users are known where a target names nobody. */
  issuers: readonly string[]
  disconnect(which: Selector): void
  now(): number
}): Revoke {
  const { storage, devices, issuers, disconnect, now } = options

  return Object.assign(revoke, {
    idsOf: (target: RevokeTarget) => selectorsOf(target, issuers).flatMap((which) => Object.values(which)),
  })

  async function revoke(target: RevokeTarget): Promise<void> {
    const at = now()
    const selectors = selectorsOf(target, issuers)
    const end = () => selectors.forEach(disconnect)
    // At once, however long the disk takes; and once more when it is written, for whoever came in meanwhile.
    end()
    try {
      await Promise.all(selectors.map((which) => write(which, at)))
    } finally {
      end()
    }
  }

  async function write(which: RevokedSelector, at: number): Promise<void> {
    // The note comes first: whoever adds something of the user's after this has forgotten it, finds the note when they look.
    await note(which, at)
    await Promise.all([endLogins(which, at), forgetDevices(which)])
  }

  async function note(which: RevokedSelector, revoked_at: number): Promise<void> {
    const expires_at = revoked_at + rememberedMs
    for (const id of Object.values(which)) await storage.revocations.add({ id, revoked_at, expires_at })
  }

  async function endLogins(which: RevokedSelector, at: number): Promise<void> {
    if ('device_id' in which) await devices.revoke(which.device_id)
    else await storage.logins.revoke(which, at)
  }

  /** A user's devices with them: their keys were enrolled by somebody whom the host vouched for. */
  async function forgetDevices(which: RevokedSelector): Promise<void> {
    if (!('sid' in which)) await storage.devices.remove(which)
  }
}

/**
 * Both readings of an id that is written like one of Mesh: too much is ended rather than too little, and random ids are
 * nobody else's by chance. Any other is only ever kept as a hash: a host's session id is as good as its cookie.
 */
function selectorsOf(target: RevokeTarget, issuers: readonly string[]): RevokedSelector[] {
  if ('deviceId' in target) return v.is(field.deviceId, target.deviceId) ? [{ device_id: target.deviceId }] : []
  if ('sessionId' in target) {
    const { sessionId } = target
    return [{ sid: hostSessionId(sessionId) }, ...(v.is(field.sessionId, sessionId) ? [{ sid: sessionId }] : [])]
  }
  const { userId, issuer } = target
  // Whoever says who knows the user by this id, does not mean one of Mesh.
  if (issuer !== undefined) return [{ user_id: hostUserId(userId, issuer) }]
  const users = [...new Set([defaultIssuer, ...issuers])].map((knownBy) => ({ user_id: hostUserId(userId, knownBy) }))
  return v.is(field.userId, userId) ? [...users, { user_id: userId }] : users
}
