import { accessType, MeshError, type Authenticate, type Principal, type Revalidate } from '@mesh/core'
import { decodeProtectedHeader } from 'jose'
import type { Accounts } from './accounts.ts'
import { hostRequest, type Authenticated, type HostAuthenticate, type HostPrincipal } from './host.ts'
import type { HostContext, HostSessions } from './host-sessions.ts'

/** How long a hook has for its answer, in milliseconds. */
const hookTimeoutMs = 10_000

/** Asked shortly before the access of a connection ends, in place of a client that cannot bring another token. */
export type HostRevalidate = (principal: HostPrincipal) => Authenticated | Promise<Authenticated>

/** What finds out who is there. */
export interface AuthenticationOptions {
  hook: HostAuthenticate
  revalidate?: HostRevalidate | undefined
  accounts: Pick<Accounts, 'authenticate'>
  sessions: HostSessions
  allowOrigin(origin: string): boolean
}

/** Who is behind a hello or a call: by Mesh's own access token, or else by whatever the host's hook goes by. */
export function createAuthenticate({ hook, accounts, sessions, allowOrigin }: AuthenticationOptions): Authenticate {
  return async ({ token, request }) => {
    if (token !== undefined && isAccessToken(token)) return accounts.authenticate(token)
    const signal = AbortSignal.timeout(hookTimeoutMs)
    const asked = hook({ request: hostRequest(request, allowOrigin), token, signal })
    const answer = await Promise.race([asked, whenLate(signal)])
    if (!answer) throw new MeshError(token === undefined ? 'AUTH_REQUIRED' : 'AUTH_INVALID')
    // A call over HTTP is over with its answer; a connection goes on, and has a token of ours to go on with.
    return sessions.enter(answer, { issue: request.method === undefined })
  }
}

/** Asks the host again for those whom it vouched for itself. */
export function createRevalidate({ revalidate, sessions }: AuthenticationOptions): Revalidate | undefined {
  if (!revalidate) return undefined
  return async (peer: Principal) => {
    // Only what this server's own hook said is kept there.
    const context = peer.host as HostContext | undefined
    if (!context?.isFirstHand) return undefined
    const answer = await revalidate(context.principal)
    if (!answer) throw new MeshError('AUTH_INVALID')
    return sessions.enter(answer, { issue: true })
  }
}

/** A hook that does not heed the signal must not keep a call for ever. @throws MeshError UNAVAILABLE, when it is aborted */
function whenLate(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new MeshError('UNAVAILABLE')), { once: true })
  })
}

/** Whether a token says that it is one of ours; what it says is still to be verified. */
function isAccessToken(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === accessType
  } catch {
    return false
  }
}
