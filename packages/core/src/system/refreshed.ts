import type { Principal } from '../context.ts'
import { toInstant } from '../encoder.ts'
import type { ServerPayload } from '../protocol.ts'

/** What a client is told of the access token that is in force now. */
export function refreshed({ expires_at = 0, issued }: Principal): ServerPayload<'system.token.refreshed'> {
  return { expires_at: toInstant(expires_at), ...issued }
}
