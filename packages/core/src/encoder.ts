import type { Outgoing } from './context.ts'
import { encode, encodeError } from './frame.ts'
import type { MeshError } from './errors.ts'
import type { Ids } from './ids.ts'
import type { Clock, RoomEvent } from './ports/index.ts'

/** Puts the server's envelope around payloads. */
export interface Encoder {
  /** An event of the server's own making. */
  (type: string, to: string, payload: object, outgoing?: Outgoing): string
  /** A durable event, under the id it was stored with. */
  event(event: RoomEvent, reply_to?: string): string
  /** An error, to a peer or to a connection that is none yet. */
  error(to: string, error: MeshError, reply_to: string | undefined): string
}

/** @see Encoder */
export function createEncoder({ clock, ids }: { clock: Clock; ids: Ids }): Encoder {
  // Many frames fall into one millisecond; writing a date is dear enough to do it once for all of them.
  let at = Number.NaN
  let text = ''
  function timestamp(): string {
    const now = clock.now()
    if (now !== at) {
      at = now
      text = toInstant(now)
    }
    return text
  }

  return Object.assign(
    (type: string, to: string, payload: object, { from = 'server', reply_to }: Outgoing = {}) =>
      encode({ type, id: ids.uuid(), timestamp: timestamp(), from, to, reply_to }, payload),
    {
      event: ({ type, id, at, from, room_id, payload, seq }: RoomEvent, reply_to?: string) =>
        encode({ type, id, timestamp: toInstant(at), from, to: room_id, reply_to }, { ...payload, seq }),
      error: (to: string, error: MeshError, reply_to: string | undefined) =>
        encodeError({ id: ids.uuid(), timestamp: timestamp(), from: 'server', to, reply_to }, error),
    },
  )
}

/** Writes milliseconds since 1970 as the wire has them: ISO 8601 in UTC. */
export function toInstant(ms: number): string {
  return new Date(ms).toISOString()
}
