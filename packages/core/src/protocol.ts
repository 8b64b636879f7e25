import type * as v from 'valibot'
import { capabilityClientEvents, capabilityServerEvents } from './capabilities/events.ts'
import { chatClientEvents, chatServerEvents } from './chat/events.ts'
import { p2pClientEvents, p2pServerEvents } from './p2p/events.ts'
import { presenceClientEvents, presenceServerEvents } from './presence/events.ts'
import { roomClientEvents, roomServerEvents } from './rooms/events.ts'
import { rtcClientEvents, rtcServerEvents } from './rtc/events.ts'
import { systemClientEvents, systemServerEvents } from './system/events.ts'
import { terminalClientEvents, terminalServerEvents } from './terminal/events.ts'

/** THE table, first half: every event that a client may send. Router, SDK, documents and tests derive from it. */
export const clientEvents = {
  ...systemClientEvents,
  ...roomClientEvents,
  ...presenceClientEvents,
  ...chatClientEvents,
  ...capabilityClientEvents,
  ...rtcClientEvents,
  ...p2pClientEvents,
  ...terminalClientEvents,
}

/** THE table, second half: every event that a client may receive. */
export const serverEvents = {
  ...systemServerEvents,
  ...roomServerEvents,
  ...presenceServerEvents,
  ...chatServerEvents,
  ...capabilityServerEvents,
  ...rtcServerEvents,
  ...p2pServerEvents,
  ...terminalServerEvents,
}

/** The name of an event that a client may send. */
export type ClientEventType = keyof typeof clientEvents

/** The name of an event that a client may receive. */
export type ServerEventType = keyof typeof serverEvents

/** What a client's event carries. */
export type ClientPayload<T extends ClientEventType> = v.InferOutput<(typeof clientEvents)[T]['payload']>

/** What a server's event carries. */
export type ServerPayload<T extends ServerEventType> = v.InferOutput<(typeof serverEvents)[T]['payload']>

/** The event that answers a client's event, or null where only an error ever does. */
export type ReplyType<T extends ClientEventType> = (typeof clientEvents)[T]['reply']

/** The envelope of every event. `id` is a UUID made by the sender; `reply_to` the id of the event that this one answers. */
export interface Envelope<T extends string = string, P = unknown> {
  type: T
  id: string
  timestamp: string
  from?: string
  to: string
  reply_to?: string
  payload: P
}
