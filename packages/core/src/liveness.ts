import type { CloseReason } from './errors.ts'
import type { Limits } from './limits.ts'
import type { Clock } from './ports/index.ts'

/** Whether the other end is still there, and still somebody. */
export interface Liveness {
  /** Anything came from the other end. `now` is monotonic. */
  heard(now: number): void
  /** The access token is good until then (milliseconds since 1970), or without end. */
  tokenUntil(expires_at: number | undefined): void
  /** Whether the token has run out: only a fresh one is accepted from now on. */
  expired(): boolean
  tick(): void
}

/** @see Liveness */
export function createLiveness(options: {
  clock: Clock
  limits: Limits
  ping(): void
  expiring(expires_at: number): void
  close(reason: CloseReason): void
}): Liveness {
  const { clock, limits } = options
  let heardAt = clock.monotonic()
  let pingedAt: number | undefined
  let until: number | undefined
  let warned = false

  function checkToken(): void {
    if (until === undefined) return
    const now = clock.now()
    if (now >= until + limits.token_grace_s * 1000) return options.close('auth_expired')
    if (warned || now < until - limits.token_warning_s * 1000) return
    warned = true
    options.expiring(until)
  }

  return {
    heard(now) {
      heardAt = now
      pingedAt = undefined
    },
    tokenUntil(expires_at) {
      until = expires_at
      warned = false
    },
    expired: () => until !== undefined && clock.now() >= until,
    tick() {
      const now = clock.monotonic()
      if (pingedAt !== undefined && now - pingedAt >= limits.pong_timeout_s * 1000) return options.close('no_pong')
      if (pingedAt === undefined && now - heardAt >= limits.heartbeat_s * 1000) {
        pingedAt = now
        options.ping()
      }
      checkToken()
    },
  }
}
