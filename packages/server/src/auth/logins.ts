import { randomBytes } from 'node:crypto'
import { issueAccess, randomIds, type Audit, type Keyring, type Selector, type Storage } from '@mesh/core'
import type { Attempts } from './attempts.ts'
import { invalidRefreshToken, newRefreshToken, readRefreshToken } from './refresh-token.ts'

const dayMs = 24 * 3600 * 1000

/** How long a login lives without being refreshed, and at most, in milliseconds. */
export const loginLife = { idleMs: 14 * dayMs, mostMs: 90 * dayMs } as const

/** How long a refresh may be tried again when its answer was lost, in milliseconds. */
export const refreshGraceMs = 30_000

/** What a login hands out. `expires_in` in seconds. */
export interface Tokens {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  refresh_token: string
}

/** Logins: each a family of refresh tokens, of which one is good, and what becomes of it. */
export interface Logins {
  /** Begins a login of a user who has proved who they are. */
  start(user_id: string): Promise<Tokens>
  /**
   * Uses up a refresh token. The one before is taken for half a minute more, in case the answer was lost: that is until
   * anything which came in the answer is used. Any older one ends the login with its connections. @throws MeshError AUTH_INVALID, RATE_LIMITED
   */
  refresh(refresh_token: string, network?: string): Promise<{ user_id: string; tokens: Tokens }>
  /** Ends the login that a refresh token was issued for, its connections included; one that is unknown is as good as ended. */
  logout(refresh_token: string, network?: string): Promise<void>
  /** Ends a login, or every login of a user, with the connections. @throws MeshError UNAVAILABLE; the connections are closed even then */
  end(which: { sid: string } | { user_id: string }): Promise<void>
}

/** @see Logins */
export function createLogins(options: {
  storage: Pick<Storage, 'logins'>
  accessKeys: Keyring
  issuer: string
  attempts: Attempts
  /** Closes the connections of a login or user. */
  disconnect(which: Selector): void
  /** Only here it is known whose token was shown, and what was wrong with it. */
  audit(): Audit
  now(): number
}): Logins {
  const { accessKeys, issuer, attempts, disconnect, audit, now } = options
  const { logins } = options.storage

  async function tokensOf(
    user_id: string,
    login: { sid: string; gen: number },
    refresh_token: string,
  ): Promise<Tokens> {
    const access = await issueAccess(accessKeys, { issuer, user_id, ...login, jti: randomIds.uuid(), now: now() })
    const expires_in = Math.floor((access.expires_at - now()) / 1000)
    return { access_token: access.token, token_type: 'Bearer', expires_in, refresh_token }
  }

  async function end(which: { sid: string } | { user_id: string }): Promise<void> {
    try {
      await logins.revoke(which, now())
    } finally {
      disconnect(which)
    }
  }

  return {
    end,

    async start(user_id) {
      const sid = randomIds.id('sess')
      const token_key = randomBytes(32).toString('hex')
      const { token, hash } = newRefreshToken({ sid, token_key }, 0)
      const created_at = now()
      const expires_at = created_at + loginLife.idleMs
      await logins.create({ sid, user_id, token_key, secret_hash: hash, created_at, expires_at })
      return tokensOf(user_id, { sid, gen: 0 }, token)
    },

    async refresh(refresh_token, address) {
      const shown = readRefreshToken(refresh_token)
      const { sid, generation } = shown
      const login = await logins.find(sid)
      if (!login || !shown.isOf(login)) throw invalidRefreshToken()
      // Only a token that was issued counts: a login's id stands in its capability tokens, and must lock nobody out.
      attempts.take('family', sid)
      const next = newRefreshToken(login, generation + 1)
      const at = now()
      const result = await logins.rotate({
        sid,
        secret_hash: shown.hash,
        generation,
        next_hash: next.hash,
        now: at,
        expires_at: Math.min(at + loginLife.idleMs, login.created_at + loginLife.mostMs),
        grace_ms: refreshGraceMs,
      })
      if (result.outcome === 'reused') disconnect({ sid })
      if (result.outcome !== 'rotated') {
        const error = invalidRefreshToken()
        const { user_id: actor } = login
        audit().denied(error, { action: 'auth.refresh', actor, sid, address, reason: result.outcome })
        throw error
      }
      attempts.giveBack('family', sid)
      return { user_id: login.user_id, tokens: await tokensOf(login.user_id, { sid, gen: generation + 1 }, next.token) }
    },

    async logout(refresh_token, address) {
      const shown = readRefreshToken(refresh_token)
      const login = await logins.find(shown.sid)
      if (!login || !shown.isOf(login)) return
      const { sid, user_id: actor } = login
      await end({ sid })
      await audit()({ action: 'auth.logout', outcome: 'ok', actor, sid, address })
    },
  }
}
