import type { Authenticate } from './authenticate.ts'
import { isBarred, type Bar, type Bars } from './bars.ts'
import type { Allowance } from './bucket.ts'
import type { Peer, Principal } from './context.ts'
import { systemFrame } from './deliver.ts'
import { toInstant } from './encoder.ts'
import { isMeshError, MeshError, type CloseReason } from './errors.ts'
import { internalError } from './internal-error.ts'
import type { SessionConnection } from './session-connection.ts'
import { Session, type SessionHost } from './session.ts'
import type { Hello } from './system/hello.ts'
import type { ConnectionRequest } from './transport.ts'

/** What greeting needs of the node. */
export interface GreetingHost extends SessionHost {
  readonly features: readonly string[]
  readonly authenticate: Authenticate
  allowanceOf(identity: string): Allowance
}

/** A connection that has said hello. */
export interface Newcomer extends SessionConnection {
  readonly bars: Bars
  /** Whether it is still to be let in: it may have gone away, or have been closed. */
  readonly isAwaited: boolean
  /** It is let in, and this is its session; the welcome is yet to be sent. */
  admitted(session: Session, allowance: Allowance): void
}

/** A hello on its way to a session. */
interface Greeting {
  readonly host: GreetingHost
  readonly newcomer: Newcomer
  readonly request: ConnectionRequest
  readonly hello: Hello
  readonly bars: readonly Bar[]
}

/** The session that a hello asked for and may have, with what it said of it. */
interface Former {
  readonly session: Session
  readonly token: string
  readonly received: number
}

/**
 * Answers a hello: finds out who is there, and lets them in, with a new session or with the one that they come back to, or
 * refuses them. Never fails.
 */
export async function greet(
  host: GreetingHost,
  newcomer: Newcomer,
  request: ConnectionRequest,
  hello: Hello,
): Promise<void> {
  try {
    await newcomer.bars.during((bars) => admit({ host, newcomer, request, hello, bars }))
  } catch (error) {
    if (newcomer.isAwaited) refuse(host, newcomer, error, hello.id)
  }
}

async function admit(greeting: Greeting): Promise<void> {
  const { host, newcomer, request, hello } = greeting
  const { token = bearerOf(request), device_id, resume } = hello.payload
  const principal = await host.authenticate({ token, request })
  if (device_id !== undefined && device_id !== principal.device_id) throw new MeshError('AUTH_INVALID')
  if (!resume) return welcome(greeting, principal)
  const known = host.sessions.get(resume.session_id)
  if (!known?.isOwnedBy(principal, resume.token, hello.id)) return welcome(greeting, principal, 'refused')
  known.claimant = newcomer
  // The live state follows every change that this node hears of; what it did not hear of must not come back either.
  await host.hub.recheck(known)
  // Whoever asks again while this is looked up has given up on this connection.
  const isLatest = known.claimant === newcomer
  if (isLatest) known.claimant = undefined
  welcome(greeting, principal, isLatest ? { ...resume, session: known } : 'refused')
}

function welcome({ host, newcomer, hello, bars }: Greeting, principal: Principal, back?: Former | 'refused'): void {
  if (!newcomer.isAwaited || isBarred(newcomer, principal, bars)) return
  const { hub, limits, counts, encoder } = host
  const former = back === 'refused' ? undefined : back
  const resumed = former?.session.canResume(former.received) === true
  // Whoever starts anew does not come back to what it left.
  if (!resumed) former?.session.end('disconnected')
  if (isFull(hub.peersOf(principal.user_id), limits.connections_per_user, former?.session)) {
    return newcomer.close('connection_limit')
  }
  const identity = principal.device_id ?? principal.user_id
  const allowance = host.allowanceOf(identity)
  const session = resumed && former ? former.session : new Session(host, principal, identity, allowance.classes)
  if (resumed && former) {
    session.renew(principal)
    session.resumeToken.spend(former.token, hello.id)
  }
  newcomer.admitted(session, allowance)
  if (back) counts.resumes.add(resumed ? 'resumed' : 'refused')
  const said = { ...welcomeTo(session, host, resumed), ...principal.issued }
  // A welcome belongs to the connection: it is never counted, kept or sent again.
  newcomer.socket.send(systemFrame(encoder('system.welcome', session.peer_id, said, { reply_to: hello.id })))
  if (resumed && former) session.resume(newcomer, former.received)
  else session.open(newcomer)
}

/** What a client is told of its session. */
function welcomeTo(session: Session, { limits, clock, features }: GreetingHost, resumed: boolean) {
  return {
    session_id: session.session_id,
    peer_id: session.peer_id,
    user_id: session.user_id,
    ...(session.device_id === undefined ? {} : { device_id: session.device_id }),
    resumed,
    resume: { token: session.resumeToken.current, window_s: limits.resume_window_s, received: session.received },
    heartbeat_s: limits.heartbeat_s,
    limits,
    server_time: toInstant(clock.now()),
    features,
  }
}

/** Says why somebody is not let in, and shows them out. */
function refuse(host: GreetingHost, newcomer: Newcomer, error: unknown, reply_to: string): void {
  host.audit.denied(error, { action: 'auth.token', address: newcomer.address })
  const known = isMeshError(error) ? error : internalError(host, error, 'authentication failed')
  host.counts.errors.add(known.code)
  newcomer.socket.send(systemFrame(host.encoder.error('client', known, reply_to)))
  newcomer.close(reasonFor(error))
}

function reasonFor(error: unknown): CloseReason {
  if (!isMeshError(error) || error.code === 'UNAVAILABLE') return 'overload'
  return error.code === 'AUTH_EXPIRED' ? 'auth_expired' : 'auth_invalid'
}

/** The Bearer token of an upgrade request (RFC 6750 section 2.1). */
function bearerOf({ headers }: ConnectionRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(headers.get('authorization') ?? '')?.[1]
}

/**
 * Whether a user has as many connections as may be. Peers whose socket is gone do not count, or a page that is reloaded a
 * few times would lock its user out; but they do not pile up either.
 */
function isFull(peers: ReadonlySet<Peer>, limit: number, former: Peer | undefined): boolean {
  const others = [...peers].filter((peer) => peer !== former)
  const away = others.filter((peer) => peer.reconnecting)
  if (away.length >= limit) away[0]?.close('connection_limit')
  return others.length - away.length >= limit
}
