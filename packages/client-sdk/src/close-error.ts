import { MeshError, closeCodes, isMeshError, mayReconnect } from '@mesh/core/errors'
import type { ErrorCode } from '@mesh/core/errors'

const meanings: Partial<Record<number, ErrorCode>> = {
  [closeCodes.unsupported]: 'BAD_MESSAGE',
  [closeCodes.too_large]: 'MESSAGE_TOO_LARGE',
  [closeCodes.auth_expired]: 'AUTH_EXPIRED',
  [closeCodes.rate_limited]: 'RATE_LIMITED',
  [closeCodes.auth_invalid]: 'AUTH_INVALID',
  [closeCodes.revoked]: 'AUTH_INVALID',
  [closeCodes.protocol]: 'BAD_MESSAGE',
  [closeCodes.connection_limit]: 'RATE_LIMITED',
}

/**
 * What the end of a connection means, as the error that everybody waiting on it gets: `retryable` says whether coming
 * back may help. An error frame that came just before explains it better than the code alone.
 */
export function closeError(code: number, reason: string, explained?: MeshError): MeshError {
  const retryable = mayReconnect(code)
  if (explained) return new MeshError(explained.code, explained.message, { ...explained.details, retryable })
  const details = reason === '' ? { retryable } : { reason, retryable }
  return new MeshError(meanings[code] ?? 'UNAVAILABLE', `The connection closed (${code})`, details)
}

/** Whether trying again cannot help, so that a connection is given up for good. */
export function isFinal(error: unknown): boolean {
  return isMeshError(error) && !error.retryable
}
