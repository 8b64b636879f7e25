import type { CloseReason } from './errors.ts'
import type { Limits } from './limits.ts'

/** What is due on a connection: something to send, or the reason to close it. */
export type Due = 'ping' | 'expiring' | CloseReason | undefined

/** Whether the other end is still there, and still somebody. Monotonic times in milliseconds. */
export class Liveness {
  readonly #limits: Limits
  #heardAt: number
  #pingedAt: number | undefined
  #warned = false

  constructor(limits: Limits, now: number) {
    this.#limits = limits
    this.#heardAt = now
  }

  /** Anything came from the other end. */
  heard(now: number): void {
    this.#heardAt = now
    this.#pingedAt = undefined
  }

  /** Another access token is in force. */
  renewed(): void {
    this.#warned = false
  }

  /** What is due now; `time` and `until`, the end of the access token, are milliseconds since 1970. */
  due(now: number, time: number, until: number | undefined): Due {
    const { pong_timeout_s, heartbeat_s, token_grace_s, token_warning_s } = this.#limits
    if (this.#pingedAt !== undefined && now - this.#pingedAt >= pong_timeout_s * 1000) return 'no_pong'
    if (until !== undefined && time >= until + token_grace_s * 1000) return 'auth_expired'
    if (this.#pingedAt === undefined && now - this.#heardAt >= heartbeat_s * 1000) {
      this.#pingedAt = now
      return 'ping'
    }
    if (this.#warned || until === undefined || time < until - token_warning_s * 1000) return undefined
    this.#warned = true
    return 'expiring'
  }
}
