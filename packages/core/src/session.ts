import { actorOf, type Audit } from './audit.ts'
import { Bucket, takeEvent, type ClassBuckets } from './bucket.ts'
import { isSignal, type Counts } from './counts.ts'
import type { LeaveCause, LiveRoom, Occupant, Outbound, Peer, Principal } from './context.ts'
import { deliver, eventFrame, systemFrame } from './deliver.ts'
import type { Encoder } from './encoder.ts'
import { closeCodes, isMeshError, mayReconnect, MeshError, type CloseReason } from './errors.ts'
import { decode, idOf, type ClientFrame } from './frame.ts'
import type { Hub } from './hub.ts'
import type { Ids } from './ids.ts'
import { internalError } from './internal-error.ts'
import type { Limits } from './limits.ts'
import { Outbox, type OutboxHost, type OutboxOwner } from './outbox.ts'
import type { Clock, Logger } from './ports/index.ts'
import type { Router } from './router.ts'
import type { MeshSocket } from './transport.ts'

/** What sessions share. */
export interface SessionHost {
  /** The name of this node. */
  readonly node: string
  readonly clock: Clock
  readonly ids: Ids
  readonly limits: Limits
  readonly logger: Logger
  readonly audit: Audit
  readonly hub: Hub
  readonly encoder: Encoder
  readonly router: Router
  readonly counts: Counts
  readonly outboxes: OutboxHost
  readonly sessions: Map<string, Session>
}

/** The connection of a session, as the session needs it. */
export interface SessionConnection {
  readonly address: string
  readonly socket: MeshSocket
  close(reason: CloseReason): void
  /** The session goes on elsewhere. */
  supersede(): void
  /** Puts another access token of the same identity in force; resolves with what it says. @throws MeshError AUTH_* */
  refresh(token: string): Promise<Principal>
}

/**
 * One peer and what it is in the midst of. It outlives its socket by the resume window: what it is sent meanwhile waits,
 * and what it asked for goes on. Its frames are handled one after the other, each only once the one before is done, over
 * whichever connection they came.
 */
export class Session implements Peer, OutboxOwner {
  readonly isHere = true
  readonly session_id: string
  readonly peer_id: string
  readonly user_id: string
  readonly device_id: string | undefined
  readonly identity: string
  #rooms: Map<string, Occupant> | undefined
  username: string
  sid: string | undefined
  kid: string | undefined
  device_jkt: string | undefined
  admin: boolean | undefined
  issued_at: number | undefined
  expires_at: number | undefined
  host: object | undefined
  /** When it was last found out who is here, on this node's wall clock. */
  proven_at = 0
  /** How many frames came in, the hello left out. */
  received = 0
  /** Why the connection ends as soon as the error that is about to be thrown has been answered. */
  doomed: CloseReason | undefined
  /** The latest connection that is being checked for taking this session over, if there is one. */
  claimant: SessionConnection | undefined
  readonly #host: SessionHost
  readonly #outbox: Outbox
  readonly #buckets: ClassBuckets
  #offences: Bucket | undefined
  #connection: SessionConnection | undefined
  #resumeToken: string
  #spent: { token: string; id: string } | undefined
  #waiting: { frames: { text: string; size: number }[]; bytes: number } | undefined
  #isBusy = false
  #isOver = false
  #stopWindow: (() => void) | undefined

  constructor(host: SessionHost, principal: Principal, identity: string, buckets: ClassBuckets) {
    this.#host = host
    // Whichever node its client comes back to, the id says where to find it.
    this.session_id = host.ids.id('sess') + host.node
    this.peer_id = host.ids.id('peer')
    this.#resumeToken = host.ids.secret()
    this.user_id = principal.user_id
    this.device_id = principal.device_id
    this.identity = identity
    this.username = principal.username
    this.renew(principal)
    this.#buckets = buckets
    this.#outbox = new Outbox(host.outboxes, this)
    host.sessions.set(this.session_id, this)
  }

  get rooms(): ReadonlyMap<string, Occupant> {
    return this.#rooms ?? noRooms
  }

  entered(occupant: Occupant): void {
    this.#rooms ??= new Map()
    this.#rooms.set(occupant.room.room_id, occupant)
  }

  exited(occupant: Occupant): void {
    this.#rooms?.delete(occupant.room.room_id)
  }

  get address(): string | undefined {
    return this.#connection?.address
  }

  get reconnecting(): boolean {
    return this.#connection === undefined
  }

  /** Bytes that are held for this peer. */
  get heldBytes(): number {
    return this.#outbox.bytes
  }

  /** Takes over what a fresh access token of the same identity says. */
  renew({ username, sid, kid, device_jkt, admin, issued_at, expires_at, host }: Principal): void {
    const proven_at = this.#host.clock.now()
    Object.assign(this, { username, sid, kid, device_jkt, admin, issued_at, expires_at, host, proven_at })
  }

  /** There is access again: what waited for it may go out. */
  release(): void {
    this.#outbox.release()
  }

  /** Good for one resume. */
  get resumeToken(): string {
    return this.#resumeToken
  }

  /**
   * Whether somebody who is this principal, and whose hello with this id shows this token, may take the session over. The
   * hello that spent a token may come again: its welcome can have been lost on the way, and with it the next token.
   */
  isOwnedBy(principal: Principal, token: string, id: string): boolean {
    const isSame = principal.user_id === this.user_id && principal.device_id === this.device_id
    const isGood = token === this.#resumeToken || (token === this.#spent?.token && id === this.#spent.id)
    return isSame && isGood && !this.#isOver
  }

  /** A hello with this id takes the session over: what it showed is spent, and {@link resumeToken} another. */
  spend(token: string, id: string): void {
    this.#spent = { token, id }
    this.#resumeToken = this.#host.ids.secret()
  }

  /** Whether a client that has received so many frames misses nothing that is not there any more. */
  canResume(received: number): boolean {
    return !this.#isOver && this.#outbox.canResume(received)
  }

  /** A fresh session begins on its connection; the welcome has been sent. */
  open(connection: SessionConnection): void {
    this.#connection = connection
    this.#outbox.attach(connection.socket)
    this.#host.hub.add(this)
  }

  /** The session goes on over another connection; the welcome has been sent. The newest socket wins. */
  resume(connection: SessionConnection, received: number): void {
    const former = this.#connection
    this.#connection = connection
    this.#stopWindow?.()
    this.#stopWindow = undefined
    former?.supersede()
    this.#outbox.resume(connection.socket, received)
    if (!former) this.#host.hub.connectivity(this)
  }

  /** A connection of this session is closed. */
  detach(connection: SessionConnection): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#outbox.detach()
    const { clock, limits, hub } = this.#host
    if (limits.resume_window_s === 0) return this.end('disconnected')
    this.#stopWindow = clock.after(limits.resume_window_s * 1000, () => this.end('disconnected'))
    hub.connectivity(this)
  }

  /** The end for good: from here on the peer neither acts nor receives. */
  end(cause: LeaveCause): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#waiting = undefined
    this.#stopWindow?.()
    const connection = this.#connection
    this.#connection = undefined
    this.#host.sessions.delete(this.session_id)
    connection?.supersede()
    this.#host.hub.drop(this, cause)
    this.#outbox.clear()
  }

  close(reason: CloseReason): void {
    if (this.#connection) this.#connection.close(reason)
    else if (!mayReconnect(closeCodes[reason])) this.end(reason === 'revoked' ? 'revoked' : 'disconnected')
  }

  send(frame: Outbound): void {
    if (!this.#isOver) this.#outbox.send(frame)
  }

  /** More waits than may: the client does not keep up, or stays away too long. */
  overflow(): void {
    if (this.#connection) this.close('slow_consumer')
    else this.end('disconnected')
  }

  /** A signal to this peer was given up: whoever sent it hears of it. */
  dropped(frame: Outbound): void {
    this.#host.counts.lostSignals.add('timeout')
    if (!frame.from || frame.id === undefined) return
    const text = this.#host.encoder.error(frame.from.peer_id, new MeshError('UNROUTABLE'), frame.id)
    deliver(eventFrame(text), [frame.from])
  }

  acknowledge(received: number): void {
    if (this.#outbox.acknowledge(received)) return
    throw new MeshError('BAD_MESSAGE', undefined, { reason: 'payload', path: 'received' })
  }

  purge(room: LiveRoom): void {
    this.#outbox.purge(room)
  }

  refresh(token: string): Promise<Principal> {
    if (!this.#connection) return Promise.reject(new MeshError('AUTH_INVALID'))
    return this.#connection.refresh(token)
  }

  /** The socket takes more again. */
  drained(): void {
    this.#outbox.flush()
  }

  /** Looks whether the receiver keeps up, and still has access; called about once a second. */
  tick(): void {
    // The wall clock may be set back: what counts is what it says now.
    if (this.expires_at !== undefined && this.#host.clock.now() >= this.expires_at) this.#outbox.withhold()
    else this.#outbox.release()
    if (this.#outbox.isStalled()) this.close('slow_consumer')
  }

  /** Gives up as much of what is held as can be given up without a lie. */
  relieve(): void {
    if (this.#connection) this.#outbox.relieve()
    else this.end('disconnected')
  }

  /** Takes in a frame of this peer. */
  take(text: string, size: number, now: number): void {
    if (!this.#isBusy) return this.#handle(text, size, now)
    const waiting = (this.#waiting ??= { frames: [], bytes: 0 })
    // No more may wait than may come at once; while a store is away, the rates alone would let clients fill the memory.
    if (waiting.bytes + size > this.#host.limits.bytes.burst) return this.fail(new MeshError('RATE_LIMITED'), undefined)
    waiting.frames.push({ text, size })
    waiting.bytes += size
  }

  /** Answers with an error; a client that keeps overrunning its limits is cut. */
  fail(error: unknown, reply_to: string | undefined): void {
    const { clock, encoder, limits, counts } = this.#host
    const known = isMeshError(error) ? error : internalError(this.#host, error, 'a handler failed')
    counts.errors.add(known.code)
    const text = encoder.error(this.peer_id, known, reply_to)
    deliver(systemFrame(text), [this])
    if (known.code === 'RATE_LIMITED') {
      const now = clock.monotonic()
      this.#offences ??= new Bucket(limits.offences, now)
      if (this.#offences.take(now) > 0) this.doomed = 'rate_limited'
    }
    const { doomed } = this
    this.doomed = undefined
    if (doomed) this.close(doomed)
  }

  /** Handles one frame; while it has to wait for something, those behind it wait too. */
  #handle(text: string, size: number, now: number): void {
    const { limits, router, clock } = this.#host
    let frame: ClientFrame | undefined
    try {
      frame = decode(text, limits.depth)
      const { id, type } = frame
      const wait = takeEvent(this.#buckets, limits, router.classOf(type), now)
      if (wait > 0) throw new MeshError('RATE_LIMITED', undefined, { retry_after_ms: wait })
      if (this.expires_at !== undefined && clock.now() >= this.expires_at && !needsNoAccess.has(type)) {
        throw new MeshError('AUTH_EXPIRED')
      }
      const pending = router.route(this, frame, size)
      if (!pending) return
      this.#isBusy = true
      const goOn = () => this.#goOn()
      pending.catch((error: unknown) => this.#refuse(error, id, type)).then(goOn, goOn)
    } catch (error) {
      this.#refuse(error, frame?.id ?? idOf(error), frame?.type)
    }
  }

  /** Answers a request with an error. That it was for want of a right, the audit log has to know. */
  #refuse(error: unknown, reply_to: string | undefined, request: string | undefined): void {
    const { audit, counts } = this.#host
    audit.denied(error, { ...actorOf(this), request })
    if (isSignal(request) && isMeshError(error) && error.code === 'UNROUTABLE') counts.lostSignals.add('unroutable')
    this.fail(error, reply_to)
  }

  #goOn(): void {
    this.#isBusy = false
    while (!this.#isBusy && !this.#isOver) {
      const next = this.#waiting?.frames.shift()
      if (!this.#waiting || !next) return
      this.#waiting.bytes -= next.size
      this.#handle(next.text, next.size, this.#host.clock.monotonic())
    }
  }
}

/** What a client may still send when its access has run out: another token, and that it is there. */
const needsNoAccess: ReadonlySet<string> = new Set(['system.token.refresh', 'system.ping', 'system.pong', 'system.ack'])

// Most connections of a large server are idle, and an empty map weighs as much as the rest of a session.
const noRooms: ReadonlyMap<string, Occupant> = new Map()
