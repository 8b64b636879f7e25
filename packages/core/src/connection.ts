import type { Authenticate, Revalidate } from './authenticate.ts'
import { bearerOf, isFull, maySucceed, pastRequest, reasonFor } from './credentials.ts'
import { barOf, Bars, type Bar } from './bars.ts'
import { RawAllowance, type Allowance } from './bucket.ts'
import type { Bridge, Bridges } from './cluster/bridges.ts'
import type { Principal } from './context.ts'
import { systemFrame } from './deliver.ts'
import { toInstant } from './encoder.ts'
import { closeCodes, isMeshError, mayReconnect, MeshError, type CloseReason } from './errors.ts'
import { internalError } from './internal-error.ts'
import { Liveness } from './liveness.ts'
import type { Selector } from './selector.ts'
import type { SessionConnection } from './session-connection.ts'
import { Session, type SessionHost } from './session.ts'
import { parseHello, type Hello } from './system/hello.ts'
import { refreshed } from './system/refreshed.ts'
import type { Connection as TransportConnection, ConnectionRequest, MeshSocket } from './transport.ts'

/** What connections share. */
export interface ConnectionHost extends SessionHost {
  readonly features: readonly string[]
  readonly authenticate: Authenticate
  readonly revalidate: Revalidate | undefined
  allowanceOf(identity: string): Allowance
  /** The other node on which a session lives, if it is there; and the way to it. */
  homeOfSession(session_id: string): string | undefined
  bridge: Bridges['open']
  /** The hello of a connection was good. */
  welcomed(connection: Connection): void
  /** A connection is over; `welcomed` says whether its hello had been good. */
  ended(connection: Connection): void
}

/** The session that a hello asked for and may have, with what it said of it. */
interface Former {
  session: Session
  token: string
  received: number
}

/** One socket: it waits for the hello, then feeds the session that this opens or resumes. */
export class Connection implements TransportConnection, SessionConnection {
  readonly socket: MeshSocket
  readonly address: string
  readonly #host: ConnectionHost
  readonly #liveness: Liveness
  #raw: RawAllowance
  /** How much of what has come in over the socket is taken out of the allowance. */
  #counted: number
  #allowance: Allowance | undefined
  // Let go of once it is known who is there: a request holds on to much more than it says.
  #request: ConnectionRequest | undefined
  #state: 'hello' | 'authenticating' | 'open' | 'closed' = 'hello'
  #session: Session | undefined
  /** The way to the session, where that lives on another node. */
  #bridge: Bridge | undefined
  /** Whether the other node has answered. */
  #isAcross = false
  #cancelHello: (() => void) | undefined
  readonly #bars = new Bars()

  constructor(host: ConnectionHost, socket: MeshSocket, request: ConnectionRequest) {
    const { clock, limits, counts } = host
    counts.connections++
    this.socket = socket
    this.address = request.address
    this.#host = host
    this.#request = request
    const now = clock.monotonic()
    this.#raw = new RawAllowance(limits, now)
    this.#counted = socket.received
    this.#liveness = new Liveness(limits, now)
    // A client whose hello came in time is not to blame for a slow authentication, and may come back.
    this.#cancelHello = clock.after(limits.hello_timeout_ms, () =>
      this.close(this.#state === 'hello' ? 'protocol' : 'overload'),
    )
  }

  /** The device that is here, once the hello was good. */
  get device_id(): string | undefined {
    return this.#session?.device_id
  }

  /** Whether the hello was good. */
  get isWelcome(): boolean {
    return this.#session !== undefined || this.#isAcross
  }

  message(text: string, size: number): void {
    if (this.#state === 'closed') return
    const { clock, limits } = this.#host
    const now = clock.monotonic()
    if (!this.#count(now)) return
    const session = this.#session
    if (!session) return this.#hello(text, size)
    session.received++
    const wait = this.#raw.takeFrame(now, limits)
    if (wait > 0) session.fail(new MeshError('RATE_LIMITED', undefined, { retry_after_ms: wait }), undefined)
    else session.take(text, size, now)
  }

  binary(): void {
    this.close('unsupported')
  }

  drained(): void {
    this.#session?.drained()
  }

  closed(code?: number, reason?: string): void {
    if (!this.#end(code, reason)) return
    // Whoever leaves for good says so: 1001 as browsers do when a page is left, or 1000 and the word.
    if (code === 1001 || (code === 1000 && reason === 'leave')) this.#session?.end('left')
    else this.#session?.detach(this)
  }

  close(reason: CloseReason): void {
    if (!this.#end()) return
    this.#host.counts.closes.add(reason)
    const code = closeCodes[reason]
    if (mayReconnect(code)) this.#session?.detach(this)
    else this.#session?.end(reason === 'revoked' ? 'revoked' : 'disconnected')
    this.socket.close(code, reason)
  }

  supersede(): void {
    if (!this.#end()) return
    this.#host.counts.closes.add('superseded')
    this.socket.close(closeCodes.superseded, 'superseded')
  }

  /** Bars somebody whose access ends while it is being found out who is here. */
  bar(which: Selector, reason: CloseReason): void {
    this.#bars.note({ which, reason })
  }

  /** Looks after liveness and the life of the access token; called about once a second. */
  tick(): void {
    const session = this.#session
    if (this.#bridge) return this.#isFlooded() ? this.close('slow_consumer') : this.#bridge.tick()
    if (this.#state !== 'open' || !session) return
    const { clock, hub } = this.#host
    const now = clock.monotonic()
    // Pings and pongs make no message, but they are signs of life, and count.
    if (!this.#count(now)) return
    const due = this.#liveness.due(now, clock.now(), session.expires_at)
    if (due === 'ping') {
      if (this.socket.ping) this.socket.ping()
      else hub.tell(session, 'system.ping', {})
    } else if (due === 'expiring') {
      void this.#expiring(session)
    } else if (due) return this.close(due)
    session.tick()
  }

  async refresh(token: string): Promise<Principal> {
    const renewed = await this.#renew(() => this.#identify(token))
    if (!renewed) throw new MeshError('AUTH_INVALID')
    return renewed
  }

  /** The access is about to end: who vouched for it is asked again, or else the client has to bring another token. */
  async #expiring(session: Session): Promise<void> {
    const { revalidate, hub } = this.#host
    try {
      const renewed = revalidate && (await this.#renew(() => revalidate(session)))
      if (renewed && this.#state === 'open') hub.tell(session, 'system.token.refreshed', refreshed(renewed))
      if (renewed) return
    } catch (error) {
      if (isMeshError(error) && error.code === 'AUTH_INVALID') return this.close('revoked')
      if (!isMeshError(error)) internalError(this.#host, error, 'authentication failed')
    }
    hub.tell(session, 'system.token.expiring', { expires_at: toInstant(session.expires_at ?? 0) })
  }

  /** Puts in force what is found out about the same user and device. Nothing waits between the answer and its use. */
  async #renew(ask: () => Promise<Principal | undefined>): Promise<Principal | undefined> {
    const bars = this.#bars.raise()
    try {
      const principal = await ask()
      const session = this.#session
      if (!principal) return undefined
      if (this.#isBarred(principal, bars)) throw new MeshError('AUTH_INVALID')
      if (!session) throw new MeshError('AUTH_INVALID')
      if (maySucceed(session, principal) === 'stranger') {
        session.doomed = 'auth_invalid'
        throw new MeshError('AUTH_INVALID')
      }
      session.renew(principal)
      session.release()
      this.#liveness.renewed()
      return principal
    } finally {
      this.#bars.lower(bars)
    }
  }

  /** Takes note of what has come in since the last look, whatever it is; false when it was too much. */
  #count(now: number): boolean {
    const { received } = this.socket
    const bytes = received - this.#counted
    if (bytes === 0) return true
    this.#counted = received
    this.#liveness.heard(now)
    if (this.#raw.takeBytes(now, bytes, this.#host.limits)) return true
    this.close('rate_limited')
    return false
  }

  /** The end, whoever wants it: the state comes first, so that no frame that is still to be delivered acts. */
  #end(code?: number, reason?: string): boolean {
    if (this.#state === 'closed') return false
    this.#state = 'closed'
    this.#bridge?.end(code, reason)
    this.#cancelHello?.()
    this.#request = undefined
    this.#allowance?.giveBack(this.#raw)
    this.#host.ended(this)
    return true
  }

  /** The first frame: nothing else is read before it is judged, and a second one before the welcome is a fault. */
  #hello(text: string, size: number): void {
    const { limits } = this.#host
    if (this.#bridge) return this.#pass(this.#bridge, text, size)
    const hello = this.#state === 'hello' && size <= limits.hello_bytes ? parseHello(text, limits.depth) : undefined
    if (!hello) return this.close('protocol')
    const { resume } = hello.payload
    const home = resume && this.#host.homeOfSession(resume.session_id)
    if (home !== undefined) return this.#cross(home, text, size)
    this.#state = 'authenticating'
    const bars = this.#bars.raise()
    this.#admit(hello, bars)
      .catch((error: unknown) => {
        if (this.#state !== 'authenticating') return
        this.#host.audit.denied(error, { action: 'auth.token', address: this.address })
        this.#refuse(error, hello.id)
        this.close(reasonFor(error))
      })
      .finally(() => this.#bars.lower(bars))
  }

  /** The session lives on another node, which judges the hello and all that follows; the socket stays here. */
  #cross(home: string, text: string, size: number): void {
    const host = this.#host
    const request = this.#request ?? pastRequest(this.address)
    this.#state = 'authenticating'
    this.#bridge = host.bridge(
      home,
      request,
      { text, size },
      {
        socket: this.socket,
        answered: () => {
          this.#cancelHello?.()
          host.welcomed(this)
          this.#isAcross = true
        },
        close: (code, reason) => {
          if (this.#end()) this.socket.close(code, reason)
        },
        lost: () => this.close('overload'),
      },
    )
  }

  /** What a bridged client sends: its node counts along, as every node does on what comes in. */
  #pass(bridge: Bridge, text: string, size: number): void {
    const { clock, limits } = this.#host
    if (!this.#isAcross) return this.close('protocol')
    if (this.#isFlooded()) return this.close('slow_consumer')
    if (this.#raw.takeFrame(clock.monotonic(), limits) === 0) bridge.message(text, size)
    else this.close('rate_limited')
  }

  /** Whether more waits in front of a bridged client than what it missed and what may wait besides: its session does not see it. */
  #isFlooded(): boolean {
    const { queue_bytes, kept_bytes } = this.#host.limits
    return this.socket.bufferedAmount > queue_bytes + kept_bytes
  }

  async #admit({ id, payload: { token, device_id, resume } }: Hello, bars: readonly Bar[]): Promise<void> {
    const principal = await this.#identify(token ?? bearerOf(this.#request))
    if (device_id !== undefined && device_id !== principal.device_id) throw new MeshError('AUTH_INVALID')
    const known = resume && this.#host.sessions.get(resume.session_id)
    if (!resume) return this.#welcome(principal, id, bars)
    if (!known?.isOwnedBy(principal, resume.token, id)) return this.#welcome(principal, id, bars, 'refused')
    known.claimant = this
    // The live state follows every change that this node hears of; what it did not hear of must not come back either.
    await this.#host.hub.recheck(known)
    // Whoever asks again while this is looked up has given up on this connection.
    const isLatest = known.claimant === this
    if (isLatest) known.claimant = undefined
    this.#welcome(principal, id, bars, isLatest ? { ...resume, session: known } : 'refused')
  }

  /** Asks who is there. The host's own function may throw at once as well, and that must not get out of here. */
  async #identify(token: string | undefined): Promise<Principal> {
    return this.#host.authenticate({ token, request: this.#request ?? pastRequest(this.address) })
  }

  /** Closes the connection of somebody whose access ended while it was being checked. */
  #isBarred(principal: Principal, bars: readonly Bar[]): boolean {
    const bar = barOf(principal, bars)
    if (bar) this.close(bar.reason)
    return bar !== undefined
  }

  #welcome(principal: Principal, reply_to: string, bars: readonly Bar[], back?: Former | 'refused'): void {
    if (this.#state !== 'authenticating' || this.#isBarred(principal, bars)) return
    const { hub, limits, clock, encoder, features, counts } = this.#host
    const former = back === 'refused' ? undefined : back
    const resumed = former?.session.canResume(former.received) === true
    // Whoever starts anew does not come back to what it left.
    if (!resumed) former?.session.end('disconnected')
    if (isFull(hub.peersOf(principal.user_id), limits.connections_per_user, former?.session)) {
      return this.close('connection_limit')
    }
    const identity = principal.device_id ?? principal.user_id
    this.#allowance = this.#host.allowanceOf(identity)
    this.#raw = this.#allowance.lease(this.#raw, clock.monotonic(), limits)
    const session =
      resumed && former ? former.session : new Session(this.#host, principal, identity, this.#allowance.classes)
    if (resumed && former) {
      session.renew(principal)
      session.resumeToken.spend(former.token, reply_to)
    }
    this.#session = session
    this.#state = 'open'
    this.#request = undefined
    this.#cancelHello?.()
    this.#cancelHello = undefined
    this.#host.welcomed(this)
    if (back) counts.resumes.add(resumed ? 'resumed' : 'refused')
    const welcome = {
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
      ...principal.issued,
    }
    // A welcome belongs to the connection: it is never counted, kept or sent again.
    this.socket.send(systemFrame(encoder('system.welcome', session.peer_id, welcome, { reply_to })))
    if (resumed && former) session.resume(this, former.received)
    else session.open(this)
  }

  #refuse(error: unknown, reply_to: string): void {
    const known = isMeshError(error) ? error : internalError(this.#host, error, 'authentication failed')
    this.#host.counts.errors.add(known.code)
    this.socket.send(systemFrame(this.#host.encoder.error('client', known, reply_to)))
  }
}
