import { MeshError } from '@mesh/core/errors'
import type { ErrorCode, ErrorDetails } from '@mesh/core/errors'
import type { Envelope } from '@mesh/core/protocol'

/** A frame from the server: an event, or an error with its code and message at the top. */
export interface Incoming extends Envelope {
  code?: ErrorCode
  message?: string
}

/** What a frame may say besides its type, address and payload. */
export interface FrameOptions {
  id?: string | undefined
  reply_to?: string | undefined
}

/** Writes an event as it goes over the wire. */
export function encode(
  type: string,
  to: string,
  payload: object,
  { id = crypto.randomUUID(), reply_to }: FrameOptions = {},
): { id: string; text: string } {
  return { id, text: JSON.stringify({ type, id, timestamp: new Date().toISOString(), to, reply_to, payload }) }
}

/** A frame; undefined where the text is none. Beyond its type it is trusted, as the server itself is. */
export function parse(text: string): Incoming | undefined {
  try {
    const frame = JSON.parse(text) as Incoming | null
    return typeof frame?.type === 'string' ? frame : undefined
  } catch {
    return undefined
  }
}

/** The error that an error frame stands for. */
export function errorOf({ code = 'INTERNAL', message, payload }: Incoming): MeshError {
  // The contract says what the payload of an error may carry.
  return new MeshError(code, message, payload as ErrorDetails)
}
