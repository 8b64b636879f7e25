import type { Peer, Principal } from './context.ts'
import { isMeshError, MeshError, type CloseReason } from './errors.ts'
import type { ConnectionRequest } from './transport.ts'

/**
 * Whether a user has as many connections as may be. Peers whose socket is gone do not count, or a page that is reloaded a
 * few times would lock its user out; but they do not pile up either.
 */
export function isFull(peers: ReadonlySet<Peer>, limit: number, former: Peer | undefined): boolean {
  const others = [...peers].filter((peer) => peer !== former)
  const away = others.filter((peer) => peer.reconnecting)
  if (away.length >= limit) away[0]?.close('connection_limit')
  return others.length - away.length >= limit
}

/**
 * Whether another access token may take the place of the one in force on an open connection. Whoever brings that of
 * somebody else, or one from before, has it from somewhere else (`stranger`).
 * @throws MeshError CONFLICT for one that ends sooner
 */
export function maySucceed(now: Principal, next: Principal): 'yes' | 'stranger' {
  if (next.user_id !== now.user_id || next.device_id !== now.device_id) return 'stranger'
  if (isEarlier(next.issued_at, now.issued_at)) return 'stranger'
  if (next.issued_at !== undefined && isEarlier(next.expires_at, now.expires_at)) {
    throw new MeshError('CONFLICT', 'The token in force lives longer', { reason: 'shorter_token' })
  }
  return 'yes'
}

const isEarlier = (a: number | undefined, b: number | undefined) => a !== undefined && b !== undefined && a < b

/** The Bearer token of an upgrade request (RFC 6750 section 2.1). */
export function bearerOf(request: ConnectionRequest | undefined): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(request?.headers.get('authorization') ?? '')?.[1]
}

/** What a host's hook is shown when a token is renewed: the upgrade request is long gone. */
export function pastRequest(address: string): ConnectionRequest {
  return { url: '', address, headers: { get: () => null } }
}

/** Why a connection closes whose hello was refused with this error. */
export function reasonFor(error: unknown): CloseReason {
  if (!isMeshError(error) || error.code === 'UNAVAILABLE') return 'overload'
  return error.code === 'AUTH_EXPIRED' ? 'auth_expired' : 'auth_invalid'
}
