import { accessLifeS, type IssuedToken } from '@mesh/core'
import type { HostPrincipal } from './host.ts'
import type { HostSessions } from './host-sessions.ts'

/** Whom a token is minted for, and for how long. */
export interface MintRequest {
  /** The host's user, whom it vouches for by asking. */
  user: Omit<HostPrincipal, 'sessionId' | 'issuedAt' | 'expiresAt'>
  /** The login there, so that `revoke({ sessionId })` ends what the token opens. */
  sessionId?: string | undefined
  /** Seconds, at most 600, which it is unless told: ask again for another. */
  ttl?: number | undefined
}

/** A token that was made without anybody having connected. */
export interface MintedToken extends IssuedToken {
  /** The Mesh id of the user. */
  readonly user_id: string
}

/** Access tokens for the host's users, made by the host. */
export interface HostTokens {
  /** @throws RangeError for a `ttl` that is none, MeshError AUTH_INVALID when the user or session was revoked */
  mint(request: MintRequest): Promise<MintedToken>
}

/** @see HostTokens */
export function createHostTokens(sessions: HostSessions, now: () => number): HostTokens {
  return {
    async mint({ user, sessionId, ttl = accessLifeS }) {
      if (!(ttl >= 1 && ttl <= accessLifeS)) throw new RangeError(`ttl is 1 to ${accessLifeS} seconds`)
      const principal = { ...user, sessionId, expiresAt: now() + ttl * 1000 }
      const { user_id, issued } = await sessions.enter(principal, { issue: true })
      // Always there: it was asked for.
      if (!issued) throw new Error('No token was issued')
      return { user_id, ...issued }
    },
  }
}
