import { createBucket, takeEvent, type ClassBuckets } from './bucket.ts'
import type { Occupant, Peer, Principal } from './context.ts'
import type { Encoder } from './encoder.ts'
import { toInstant } from './encoder.ts'
import { closeCodes, isMeshError, MeshError, type CloseReason } from './errors.ts'
import { decode, idOf } from './frame.ts'
import type { Hub } from './hub.ts'
import type { Ids } from './ids.ts'
import type { Limits } from './limits.ts'
import { createLiveness } from './liveness.ts'
import type { Clock, Logger } from './ports/index.ts'
import { parseHello } from './system/hello.ts'
import type { Router } from './router.ts'
import { isMeant, type Selector } from './selector.ts'
import type { Connection, ConnectionRequest, MeshSocket } from './transport.ts'

/** Finds out who is there. @throws MeshError AUTH_REQUIRED, AUTH_INVALID, AUTH_EXPIRED, UNAVAILABLE */
export type Authenticate = (input: { token: string | undefined; request: ConnectionRequest }) => Promise<Principal>

/** What sessions share. */
export interface SessionContext {
  clock: Clock
  ids: Ids
  limits: Limits
  logger: Logger
  hub: Hub
  encoder: Encoder
  router: Router
  authenticate: Authenticate
  features: readonly string[]
  bucketsOf(identity: string): ClassBuckets
  /** The hello of this connection was good. */
  welcomed(): void
}

/** One connection: it waits for the hello, then takes frames one after the other, each only once the one before is done. */
export interface Session extends Connection {
  /** The peer, once the hello was good. */
  readonly peer: Peer | undefined
  /** Closes the connection if it is meant, or turns out to be; says whether it is closed now. */
  disconnect(which: Selector, reason: CloseReason): boolean
  /** Looks after liveness and the life of the access token; called about once a second. */
  tick(): void
  close(reason: CloseReason): void
}

/** @see Session */
export function createSession(
  context: SessionContext,
  socket: MeshSocket,
  request: ConnectionRequest,
  onEnd: () => void,
): Session {
  const { clock, ids, limits, logger, hub, encoder, router } = context
  const started = clock.monotonic()
  const frames = createBucket(limits.frames, started)
  const bytes = createBucket(limits.bytes, started)
  const offences = createBucket(limits.offences, started)
  const waiting: { text: string; size: number }[] = []
  let state: 'hello' | 'authenticating' | 'open' | 'closed' = 'hello'
  let busy = false
  let peer: Peer | undefined
  let buckets: ClassBuckets = {}
  // Why the connection ends as soon as the error that is about to be thrown has been answered.
  let doomed: CloseReason | undefined
  // Whom a revocation meant while it was being found out who is here: what was read then may be older than it.
  let asking = 0
  const bars: { which: Selector; reason: CloseReason }[] = []

  // A client whose hello came in time is not to blame for a slow authentication, and may come back.
  const cancelHello = clock.after(limits.hello_timeout_ms, () => close(state === 'hello' ? 'protocol' : 'overload'))
  const liveness = createLiveness({
    clock,
    limits,
    close,
    ping() {
      if (socket.ping) socket.ping()
      else if (peer) hub.tell(peer, 'system.ping', {})
    },
    expiring: (expires_at) => peer && hub.tell(peer, 'system.token.expiring', { expires_at: toInstant(expires_at) }),
  })

  /** The end, whoever wants it: the state comes first, so that no frame that is still to be delivered acts. */
  function end(cause: 'disconnected' | 'revoked' = 'disconnected'): boolean {
    if (state === 'closed') return false
    state = 'closed'
    waiting.length = 0
    cancelHello()
    if (peer) hub.drop(peer, cause)
    onEnd()
    return true
  }

  function close(reason: CloseReason): void {
    if (end(reason === 'revoked' ? 'revoked' : 'disconnected')) socket.close(closeCodes[reason], reason)
  }

  function send(frame: string): void {
    if (state === 'closed') return
    if (socket.bufferedAmount > limits.send_buffer_bytes) return close('slow_consumer')
    socket.send(frame)
  }

  function fail(error: unknown, reply_to: string | undefined): void {
    const known = isMeshError(error) ? error : internal(error)
    send(encoder.error(peer?.peer_id ?? 'client', known, reply_to))
    if (known.code === 'RATE_LIMITED' && offences.take(clock.monotonic()) > 0) doomed = 'rate_limited'
    if (doomed) close(doomed)
  }

  function internal(error: unknown): MeshError {
    const correlation_id = ids.uuid()
    // The message of a foreign error may quote what it choked on; its stack says where to look and quotes it too.
    logger.error(
      { correlation_id, error: error instanceof Error ? error.name : typeof error, at: topOf(error) },
      'a handler failed',
    )
    return new MeshError('INTERNAL', undefined, { correlation_id })
  }

  function message(text: string, size: number): void {
    if (state === 'closed') return
    const now = clock.monotonic()
    liveness.heard(now)
    if (bytes.take(now, size) > 0) return close('rate_limited')
    if (state !== 'open') return hello(text, size)
    const wait = frames.take(now)
    if (wait > 0) return fail(new MeshError('RATE_LIMITED', undefined, { retry_after_ms: wait }), undefined)
    if (busy) waiting.push({ text, size })
    else handle(text, size)
  }

  /** Handles one frame; while it has to wait for something, those behind it wait too. */
  function handle(text: string, size: number): void {
    let id: string | undefined
    try {
      const frame = decode(text, limits.depth)
      id = frame.id
      const wait = takeEvent(buckets, limits, router.classOf(frame.type), clock.monotonic())
      if (wait > 0) throw new MeshError('RATE_LIMITED', undefined, { retry_after_ms: wait })
      if (liveness.expired() && frame.type !== 'system.token.refresh') throw new MeshError('AUTH_EXPIRED')
      if (!peer) return
      const pending = router.route(peer, frame, size)
      if (!pending) return
      busy = true
      pending.catch((error: unknown) => fail(error, frame.id)).then(goOn, goOn)
    } catch (error) {
      fail(error, id ?? idOf(error))
    }
  }

  function goOn(): void {
    busy = false
    while (!busy && state === 'open') {
      const next = waiting.shift()
      if (!next) return
      handle(next.text, next.size)
    }
  }

  /** The first frame: nothing else is read before it is judged, and a second one before the welcome is a fault. */
  function hello(text: string, size: number): void {
    const parsed = state === 'hello' && size <= limits.hello_bytes ? parseHello(text, limits.depth) : undefined
    if (!parsed) return close('protocol')
    state = 'authenticating'
    const token = parsed.payload.token ?? bearerOf(request)
    identify(token)
      .then((principal) => {
        const claimed = parsed.payload.device_id
        if (claimed !== undefined && claimed !== principal.device_id) throw new MeshError('AUTH_INVALID')
        welcome(principal, parsed.id)
      })
      .catch((error: unknown) => {
        if (state !== 'authenticating') return
        fail(error, parsed.id)
        close(reasonFor(error))
      })
  }

  /** Asks who is there. The host's own function may throw at once as well, and that must not get out of here. */
  async function identify(token: string | undefined): Promise<Principal> {
    asking++
    try {
      return await context.authenticate({ token, request })
    } finally {
      asking--
    }
  }

  /** Closes the connection of somebody whose access ended while it was being checked. */
  function isBarred(principal: Principal): boolean {
    const bar = bars.find(({ which }) => isMeant(principal, which))
    if (bar) close(bar.reason)
    return bar !== undefined
  }

  function welcome(principal: Principal, reply_to: string): void {
    if (state !== 'authenticating') return
    if (isBarred(principal)) return
    if (hub.countOf(principal.user_id) >= limits.connections_per_user) return close('connection_limit')
    const identity = principal.device_id ?? principal.user_id
    const rooms = new Map<string, Occupant>()
    peer = { ...principal, peer_id: ids.id('peer'), identity, rooms, reconnecting: false, refresh, send, close }
    buckets = context.bucketsOf(identity)
    liveness.tokenUntil(principal.expires_at)
    state = 'open'
    cancelHello()
    context.welcomed()
    hub.add(peer)
    hub.tell(
      peer,
      'system.welcome',
      {
        session_id: ids.id('sess'),
        peer_id: peer.peer_id,
        user_id: peer.user_id,
        ...(peer.device_id === undefined ? {} : { device_id: peer.device_id }),
        resumed: false,
        // A session does not outlive its socket yet: the window says so, and no client has to guess.
        resume: { token: ids.secret(), window_s: 0 },
        heartbeat_s: limits.heartbeat_s,
        limits: { ...limits },
        server_time: toInstant(clock.now()),
        features: [...context.features],
      },
      { reply_to },
    )
  }

  async function refresh(token: string): Promise<number> {
    bars.length = 0
    const principal = await identify(token)
    if (isBarred(principal)) throw new MeshError('AUTH_INVALID')
    if (!peer || principal.user_id !== peer.user_id || principal.device_id !== peer.device_id) {
      // Whoever brings somebody else's token is not who this connection was opened for.
      doomed = 'auth_invalid'
      throw new MeshError('AUTH_INVALID')
    }
    Object.assign(peer, { sid: principal.sid, kid: principal.kid, expires_at: principal.expires_at })
    liveness.tokenUntil(principal.expires_at)
    return principal.expires_at ?? clock.now()
  }

  return {
    get peer() {
      return peer
    },
    message,
    binary: () => close('unsupported'),
    alive: () => liveness.heard(clock.monotonic()),
    closed: () => void end(),
    disconnect(which, reason) {
      const meant = peer !== undefined && isMeant(peer, which)
      if (state !== 'closed' && meant) close(reason)
      else if (asking > 0) bars.push({ which, reason })
      return meant
    },
    tick: () => void (state === 'open' && liveness.tick()),
    close,
  }
}

function bearerOf(request: ConnectionRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
}

function reasonFor(error: unknown): CloseReason {
  if (!isMeshError(error) || error.code === 'UNAVAILABLE') return 'overload'
  return error.code === 'AUTH_EXPIRED' ? 'auth_expired' : 'auth_invalid'
}

function topOf(error: unknown): string | undefined {
  return error instanceof Error
    ? error.stack
        ?.split('\n')
        .find((line) => line.trimStart().startsWith('at '))
        ?.trim()
    : undefined
}
