import type { RoomEvent } from './events.ts'

/** What people are told of while they are away. */
export type NoticeKind = 'chat' | 'call' | 'share' | 'terminal' | 'agent'

/** What one user is to be told. Names and numbers only: never a token, a code, an address or anything that was said. */
export interface Notice {
  user_id: string
  kind: NoticeKind
  /** One short line of plain text. */
  title: string
  /** One sentence of plain text. */
  text: string
}

/**
 * What came of it. `unaddressed`: there is no way to this user. `refused`: it will not be taken at a later time either.
 * `later`: it may work out another time, where told not before `retry_after_ms`. A reason is a constant word or a status.
 */
export type Sent = Accepted | Later | { outcome: 'unaddressed' } | { outcome: 'refused'; reason: string }

/** The service has taken it. */
export interface Accepted {
  outcome: 'sent'
}

/** The service may take it another time. */
export interface Later {
  outcome: 'later'
  reason: string
  retry_after_ms?: number | undefined
}

/**
 * Tells people who are away. `send` resolves within 10 s whatever the service does, and rejects only where it could not ask it,
 * such as when the token of the user cannot be read. It is called again for what was `later`, so that a notice whose answer
 * got lost may arrive twice. Absence means that nobody is told.
 */
export interface Notifier {
  send(notice: Notice): Promise<Sent>
}

/**
 * A service that hears of every durable event, of each room in the order of `seq`: one is given to it only once it
 * has taken the one before. As with {@link Notifier}, `send` is bounded whatever the service does, and it may hear of an
 * event twice; the `id` is the same.
 */
export interface Webhook {
  /** Tells it from others, over restarts: what waits for a name that is gone is never delivered. */
  readonly name: string
  send(event: RoomEvent): Promise<Accepted | Later>
}
