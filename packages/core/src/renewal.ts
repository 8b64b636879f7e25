import type { Authenticate, Revalidate } from './authenticate.ts'
import { isBarred, type Bars } from './bars.ts'
import type { Principal } from './context.ts'
import { toInstant } from './encoder.ts'
import { isMeshError, MeshError, type CloseReason } from './errors.ts'
import { internalError } from './internal-error.ts'
import type { Session, SessionHost } from './session.ts'
import { refreshed } from './system/refreshed.ts'
import type { ConnectionRequest } from './transport.ts'

/** What renewing access needs of the node. */
export interface RenewalHost extends SessionHost {
  readonly authenticate: Authenticate
  readonly revalidate: Revalidate | undefined
}

/** A connection whose access is to be renewed. */
export interface Renewable {
  readonly address: string
  readonly bars: Bars
  readonly isOpen: boolean
  close(reason: CloseReason): void
  /** Another access token is in force. */
  renewed(): void
}

/** Puts an access token that the client brings in force; resolves with what it says. @throws MeshError AUTH_*, CONFLICT */
export async function refresh(
  host: RenewalHost,
  connection: Renewable,
  session: Session,
  token: string,
): Promise<Principal> {
  const request = pastRequest(connection.address)
  const renewed = await renew(connection, session, () => host.authenticate({ token, request }))
  if (!renewed) throw new MeshError('AUTH_INVALID')
  return renewed
}

/** The access is about to end: who vouched for it is asked again, or else the client has to bring another token. */
export async function prolong(host: RenewalHost, connection: Renewable, session: Session): Promise<void> {
  const { revalidate, hub } = host
  try {
    const renewed = revalidate && (await renew(connection, session, () => revalidate(session)))
    if (renewed && connection.isOpen) hub.tell(session, 'system.token.refreshed', refreshed(renewed))
    if (renewed) return
  } catch (error) {
    if (isMeshError(error) && error.code === 'AUTH_INVALID') return connection.close('revoked')
    if (!isMeshError(error)) internalError(host, error, 'authentication failed')
  }
  hub.tell(session, 'system.token.expiring', { expires_at: toInstant(session.expires_at ?? 0) })
}

/** Puts in force what is found out about the same user and device. Nothing waits between the answer and its use. */
function renew(
  connection: Renewable,
  session: Session,
  ask: () => Promise<Principal | undefined>,
): Promise<Principal | undefined> {
  return connection.bars.during(async (bars) => {
    const principal = await ask()
    if (!principal) return undefined
    if (isBarred(connection, principal, bars)) throw new MeshError('AUTH_INVALID')
    if (!maySucceed(session, principal)) {
      session.doomed = 'auth_invalid'
      throw new MeshError('AUTH_INVALID')
    }
    session.renew(principal)
    session.release()
    connection.renewed()
    return principal
  })
}

/**
 * Whether another access token may take the place of the one in force on an open connection. Whoever brings that of
 * somebody else, or one from before, has it from somewhere else.
 * @throws MeshError CONFLICT for one that ends sooner
 */
function maySucceed(now: Principal, next: Principal): boolean {
  if (next.user_id !== now.user_id || next.device_id !== now.device_id) return false
  if (isEarlier(next.issued_at, now.issued_at)) return false
  if (next.issued_at !== undefined && isEarlier(next.expires_at, now.expires_at)) {
    throw new MeshError('CONFLICT', 'The token in force lives longer', { reason: 'shorter_token' })
  }
  return true
}

const isEarlier = (a: number | undefined, b: number | undefined) => a !== undefined && b !== undefined && a < b

/** What a host's hook is shown when a token is renewed: the upgrade request is long gone. */
function pastRequest(address: string): ConnectionRequest {
  return { url: '', address, headers: { get: () => null } }
}
