export { closeCodes, mayReconnect, subprotocol, type CloseReason } from './close-codes.ts'

/**
 * What can go wrong, in one table: the code on the wire, the HTTP status that REST answers with, whether trying the same
 * thing again may help, and the sentence a person reads.
 */
const table = {
  CAP_REQUIRED: [403, false, 'A capability token with the needed capability is required'],
  CAP_EXPIRED: [403, false, 'Capability token expired'],
  CAP_INVALID: [403, false, 'Capability token is not valid for this use'],
  ROOM_NOT_FOUND: [404, false, 'No such room'],
  ACCESS_DENIED: [403, false, 'Not a member of the room, or the role does not allow this'],
  P2P_SESSION_DENIED: [403, false, 'The peer-to-peer session was denied'],
  UNROUTABLE: [404, true, 'The target is not connected'],
  AUTH_REQUIRED: [401, false, 'An access token is required'],
  AUTH_INVALID: [401, false, 'Access token is not valid'],
  AUTH_EXPIRED: [401, true, 'Access token expired'],
  BAD_MESSAGE: [400, false, 'The message is not valid'],
  MESSAGE_TOO_LARGE: [413, false, 'The message is too large'],
  RATE_LIMITED: [429, true, 'Too many messages'],
  CONFLICT: [409, false, 'The request conflicts with the current state'],
  NOT_FOUND: [404, false, 'Not found'],
  UNAVAILABLE: [503, true, 'The service is temporarily unavailable'],
  INTERNAL: [500, false, 'Internal error'],
} as const satisfies Record<string, readonly [status: number, retryable: boolean, message: string]>

/** A code from the contract's error table; stable, meant for programs. */
export type ErrorCode = keyof typeof table

/** Every error code there is, in the order of the contract's table. */
export const errorCodes = Object.keys(table) as ErrorCode[]

/** Facts that travel with an error beside its code; each code's own are named in the contract. */
export interface ErrorDetails {
  /** Whether the same request may succeed later without a change. */
  retryable?: boolean
  /** RATE_LIMITED: milliseconds after which there is room again. */
  retry_after_ms?: number
  /** CAP_REQUIRED: the capability that is missing. */
  required?: string
  /** BAD_MESSAGE, ACCESS_DENIED, CONFLICT, P2P_SESSION_DENIED: what is wrong, as a constant word, e.g. `unknown_type`. */
  reason?: string
  /** P2P_SESSION_DENIED after a reject: the reason that the other end gave. */
  rejection?: string
  /** BAD_MESSAGE: the dotted path of the offending field. Never its value. */
  path?: string
  /** CONFLICT: who holds what was asked for. */
  holder?: string
  /** INTERNAL: finds the fault in the server's log. */
  correlation_id?: string
}

/** The one error that Mesh throws and sends. Test with {@link isMeshError}: subpath bundles carry their own copy of the class. */
export class MeshError extends Error {
  override readonly name = 'MeshError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string = table[code][2], details: ErrorDetails = {}) {
    super(message)
    this.code = code
    this.details = details
  }

  /** Whether the same request may succeed later without a change. */
  get retryable(): boolean {
    return this.details.retryable ?? table[this.code][1]
  }
}

/** Whether a caught value is a {@link MeshError}, from whichever bundle. */
export function isMeshError(error: unknown): error is MeshError {
  return error instanceof Error && error.name === 'MeshError' && 'code' in error
}

/** The HTTP status that REST answers an error code with. */
export function httpStatusOf(code: ErrorCode): number {
  return table[code][0]
}

/** The sentence that stands for a code when nothing more exact is known. */
export function defaultMessageOf(code: ErrorCode): string {
  return table[code][2]
}
