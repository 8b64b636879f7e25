import type { ErrorCode } from '@mesh/core/errors'

/** What the program ends with, for scripts. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  conflict: 5,
  unreachable: 6,
  checkFailed: 7,
  interrupted: 130,
} as const

const codes: Partial<Record<ErrorCode, number>> = {
  BAD_MESSAGE: exitCodes.usage,
  MESSAGE_TOO_LARGE: exitCodes.usage,
  NOT_FOUND: exitCodes.notFound,
  ROOM_NOT_FOUND: exitCodes.notFound,
  UNROUTABLE: exitCodes.notFound,
  ACCESS_DENIED: exitCodes.denied,
  AUTH_REQUIRED: exitCodes.denied,
  AUTH_INVALID: exitCodes.denied,
  AUTH_EXPIRED: exitCodes.denied,
  CONFLICT: exitCodes.conflict,
  UNAVAILABLE: exitCodes.unreachable,
}

/** The exit code that goes with an error of Mesh. */
export function exitCodeOf(code: ErrorCode): number {
  return codes[code] ?? exitCodes.failed
}
