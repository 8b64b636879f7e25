import { isMeshError } from '@mesh/core/errors'
import type { MeshError } from '@mesh/core/errors'
import type { ClientPayload } from '@mesh/core/protocol'
import type { Mesh } from '../types.ts'

type SignalType = 'rtc.offer' | 'rtc.answer' | 'rtc.ice'

/** What the signals of a call need of it. */
export interface SignalsOptions {
  mesh: Mesh
  /** Whom they go to. */
  to(): string
  /** Whether the other end has answered; before, a candidate sent again could overtake its offer. */
  isAnswered(): boolean
  /** Whether an offer of this end is in force. */
  isOffering(): boolean
  /** Acts later, unless the call ends before. */
  later(ms: number, act: () => void): void
  /** The server refused a signal for good. */
  refused(type: SignalType, error: MeshError): void
}

/** The signals of one call, on their way to the other end. */
export interface Signals {
  /** Sends a signal; where the server says that it came too fast, again. */
  post<T extends SignalType>(type: T, payload: ClientPayload<T>): void
  /**
   * Resolves once the server has taken every answer. An offer that overtook one would meet an end that waits for the answer
   * and ignores the offer, and both would wait for ever.
   */
  settled(): Promise<void>
}

/** How long an error may take to come back for a signal, in milliseconds. */
const confirmMs = 10_000

/** @see Signals */
export function createSignals(options: SignalsOptions): Signals {
  const { mesh, later } = options
  let latestOffer: object | undefined
  let late: Promise<void> | undefined

  return {
    post,
    async settled() {
      while (late) {
        await late
        // The server takes one frame after the other: a refusal of the answer comes before this.
        await mesh.request('system.ping', {})
      }
    },
  }

  function post<T extends SignalType>(type: T, payload: ClientPayload<T>): void {
    if (type === 'rtc.offer') latestOffer = payload
    const sent = mesh.send(type, payload, { to: options.to(), confirmMs })
    sent.catch((error: unknown) => {
      // With the session the call ends as well; the room says how.
      if (!isMeshError(error) || error.code === 'UNAVAILABLE') return
      const { code, details, retryable } = error
      if (code !== 'RATE_LIMITED' || !retryable || !options.isAnswered()) return options.refused(type, error)
      const again = (): void => {
        // An offer may have been taken back meanwhile, and another one made.
        if (type !== 'rtc.offer' || (payload === latestOffer && options.isOffering())) post(type, payload)
      }
      const ms = details.retry_after_ms ?? 1000
      if (type !== 'rtc.answer') return later(ms, again)
      late = new Promise((resolve) => {
        later(ms, () => {
          late = undefined
          again()
          resolve()
        })
      })
    })
  }
}
