import type { AuditEvent } from './audit.ts'
import type { NewDelivery } from './deliveries.ts'

/** A durable event of a room before it has its place in the order. */
export interface NewEvent {
  /** UUID of the envelope in which it is announced. */
  id: string
  type: string
  /** `server` or the peer that caused it. */
  from: string
  at: number
  /** JSON; on the wire `seq` joins it. */
  payload: Readonly<Record<string, unknown>>
  /** Where the event is a decision that the audit log must have: the store writes both in one step, or neither. */
  audit?: Omit<AuditEvent, 'room_id'>
  /** What is to be delivered because of it, written in the same step. */
  deliveries?: readonly NewDelivery[]
}

/** A durable event in its place. */
export interface RoomEvent extends Omit<NewEvent, 'audit' | 'deliveries'> {
  room_id: string
  seq: number
}

/** Within this time missed calls of one pair are one event, in milliseconds. */
export const missedCallWindowMs = 60_000

export interface EventStore {
  /**
   * Appends an event for a member of the room.
   * `once` makes a repetition harmless, for ever: the same `sender` and `id` with the same `digest` returns the event of
   * the first time (`repeated`), with another digest `conflict`.
   * `denied`: `user_id` is no member at the moment of the write. `missing`: no such room.
   */
  append(
    room_id: string,
    event: NewEvent,
    guard: { user_id: string; once?: { sender: string; id: string; digest: string } },
  ): Promise<{ outcome: 'appended' | 'repeated'; event: RoomEvent } | { outcome: 'conflict' | 'denied' | 'missing' }>
  /**
   * Records a missed call: one event for a pair of users and {@link missedCallWindowMs}. A further one within it raises `payload.count` of
   * the first, which keeps its `seq`. Undefined when there is no such room.
   */
  missedCall(
    call: { room_id: string; from_user_id: string; to_user_id: string; purpose: string },
    event: Omit<NewEvent, 'payload'>,
  ): Promise<RoomEvent | undefined>
  /** Events by ascending `seq`, after the one given; of one type or of all. */
  list(room_id: string, page: { after: number; limit: number; type?: string }): Promise<RoomEvent[]>
  /** Events by descending `seq`, below the one given; of one type or of all. */
  before(room_id: string, page: { before?: number | undefined; limit: number; type?: string }): Promise<RoomEvent[]>
}
