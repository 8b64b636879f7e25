import { Bars } from './bars.ts'
import { RawAllowance, type Allowance } from './bucket.ts'
import type { Bridge, Bridges } from './cluster/bridges.ts'
import type { Principal } from './context.ts'
import { closeCodes, mayReconnect, MeshError, type CloseReason } from './errors.ts'
import { greet, type GreetingHost, type Newcomer } from './greeting.ts'
import { Liveness } from './liveness.ts'
import { prolong, refresh, type Renewable, type RenewalHost } from './renewal.ts'
import type { Session } from './session.ts'
import { parseHello } from './system/hello.ts'
import type { Connection as TransportConnection, ConnectionRequest, MeshSocket } from './transport.ts'

/** What connections share. */
export interface ConnectionHost extends GreetingHost, RenewalHost {
  /** The other node on which a session lives, if it is there; and the way to it. */
  homeOfSession(session_id: string): string | undefined
  bridge: Bridges['open']
  /** The hello of a connection was good. */
  welcomed(connection: Connection): void
  /** A connection is over; `welcomed` says whether its hello had been good. */
  ended(connection: Connection): void
}

/** One socket: it waits for the hello, then feeds the session that this opens or resumes. */
export class Connection implements TransportConnection, Newcomer, Renewable {
  readonly socket: MeshSocket
  readonly address: string
  /** What bars somebody whose access ends while it is being found out who is here. */
  readonly bars = new Bars()
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
      void prolong(this.#host, this, session)
    } else if (due) return this.close(due)
    session.tick()
  }

  get isAwaited(): boolean {
    return this.#state === 'authenticating'
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  admitted(session: Session, allowance: Allowance): void {
    const { clock, limits } = this.#host
    this.#allowance = allowance
    this.#raw = allowance.lease(this.#raw, clock.monotonic(), limits)
    this.#session = session
    this.#state = 'open'
    this.#request = undefined
    this.#cancelHello?.()
    this.#cancelHello = undefined
    this.#host.welcomed(this)
  }

  async refresh(token: string): Promise<Principal> {
    const session = this.#session
    if (!session) throw new MeshError('AUTH_INVALID')
    return refresh(this.#host, this, session, token)
  }

  renewed(): void {
    this.#liveness.renewed()
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
    const request = this.#state === 'hello' ? this.#request : undefined
    const hello = request && size <= limits.hello_bytes ? parseHello(text, limits.depth) : undefined
    if (!request || !hello) return this.close('protocol')
    this.#state = 'authenticating'
    const { resume } = hello.payload
    const home = resume && this.#host.homeOfSession(resume.session_id)
    if (home === undefined) void greet(this.#host, this, request, hello)
    else this.#cross(home, request, text, size)
  }

  /** The session lives on another node, which judges the hello and all that follows; the socket stays here. */
  #cross(home: string, request: ConnectionRequest, text: string, size: number): void {
    const host = this.#host
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
}
