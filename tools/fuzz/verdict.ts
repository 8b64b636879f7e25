import { errorCodes, serverEvents, type ServerEvent } from '@mesh/core'
import * as v from 'valibot'

/** A frame of the server, once it is known to be one. */
export interface ServerFrame {
  type: string
  id: string
  from: string
  to: string
  reply_to?: string | undefined
  code?: string
  payload: Record<string, unknown>
}

const frames = new Map<string, ServerEvent>(Object.entries(serverEvents))
const envelope = {
  type: v.string(),
  id: v.pipe(v.string(), v.uuid()),
  timestamp: v.pipe(v.string(), v.isoTimestamp()),
  from: v.pipe(v.string(), v.regex(/^(server|peer_[\w-]{22,64})$/)),
  to: v.pipe(v.string(), v.minLength(1), v.maxLength(80)),
  reply_to: v.optional(v.pipe(v.string(), v.uuid())),
}
const code = v.pipe(v.picklist(errorCodes), v.notValue('INTERNAL'))
const event = v.strictObject({ ...envelope, payload: v.record(v.string(), v.unknown()) })
const error = v.strictObject({
  ...envelope,
  type: v.literal('error'),
  code,
  message: v.string(),
  payload: v.looseObject({ retryable: v.boolean() }),
})
/** An error as REST answers it. */
export const restError = v.strictObject({
  type: v.literal('error'),
  code,
  message: v.string(),
  payload: v.looseObject({ retryable: v.boolean() }),
})

/** Reads a frame of the server and holds it to the table. @throws Error that says what is wrong with it */
export function readFrame(text: string): ServerFrame {
  if (!text.isWellFormed() || text.includes('\\u0000') || /\\ud[89a-f]/i.test(text)) {
    throw new Error('a text that not every client can take')
  }
  const frame = JSON.parse(text) as { type?: unknown }
  if (frame.type === 'error') return v.parse(error, frame)
  const read = v.parse(event, frame)
  const known = frames.get(read.type)
  if (!known) throw new Error(`an unknown event ${read.type}`)
  v.parse(known.payload, read.payload)
  return read
}

// What ws itself closes with (RFC 6455 section 7.4.1), and the contract's own.
const closeCodes = new Set([
  ...[1000, 1002, 1003, 1005, 1007, 1008, 1009, 1012, 1013],
  ...[4001, 4002, 4003, 4004, 4005, 4006, 4100, 4101, 4102, 4103],
])

/** Whether the server may close a connection with this code. */
export function mayClose(code: number): boolean {
  return closeCodes.has(code)
}
