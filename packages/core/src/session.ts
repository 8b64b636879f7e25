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
import { Inbox, type InboxOwner } from './inbox.ts'
import { internalError } from './internal-error.ts'
import type { Limits } from './limits.ts'
import { Outbox, type OutboxHost, type OutboxOwner } from './outbox.ts'
import type { Clock, Logger } from './ports/index.ts'
import { ResumeToken } from './resume-token.ts'
import type { Router } from './router.ts'
import type { SessionConnection } from './session-connection.ts'

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

/**
 * One peer and what it is in the midst of. It outlives its socket by the resume window: what it is sent meanwhile waits,
 * and what it asked for goes on. Its frames are handled one after the other, each only once the one before is done, over
 * whichever connection they came.
 */
export class Session implements Peer, InboxOwner, OutboxOwner {
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
  readonly resumeToken: ResumeToken
  /** The latest connection that is being checked for taking this session over, if there is one. */
  claimant: SessionConnection | undefined
  readonly #host: SessionHost
  readonly #outbox: Outbox
  readonly #buckets: ClassBuckets
  #offences: Bucket | undefined
  #connection: SessionConnection | undefined
  readonly #inbox: Inbox
  #isOver = false
  #stopWindow: (() => void) | undefined

  constructor(host: SessionHost, principal: Principal, identity: string, buckets: ClassBuckets) {
    this.#host = host
    // Whichever node its client comes back to, the id says where to find it.
    this.session_id = host.ids.id('sess') + host.node
    this.peer_id = host.ids.id('peer')
    this.resumeToken = new ResumeToken(host.ids.secret)
    this.user_id = principal.user_id
    this.device_id = principal.device_id
    this.identity = identity
    this.username = principal.username
    this.renew(principal)
    this.#buckets = buckets
    this.#outbox = new Outbox(host.outboxes, this)
    // No more may wait than may come at once; while a store is away, the rates alone would let clients fill the memory.
    this.#inbox = new Inbox(this, host.limits.bytes.burst)
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

  /** Whether somebody who is this principal, and whose hello with this id shows this token, may take the session over. */
  isOwnedBy(principal: Principal, token: string, id: string): boolean {
    const isSame = principal.user_id === this.user_id && principal.device_id === this.device_id
    return isSame && this.resumeToken.admits(token, id) && !this.#isOver
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
    this.#inbox.clear()
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
    if (!this.#inbox.take(text, size, now)) this.fail(new MeshError('RATE_LIMITED'), undefined)
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

  now(): number {
    return this.#host.clock.monotonic()
  }

  handle(text: string, size: number, now: number): Promise<void> | undefined {
    if (this.#isOver) return undefined
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
      return router.route(this, frame, size)?.catch((error: unknown) => this.#refuse(error, id, type))
    } catch (error) {
      this.#refuse(error, frame?.id ?? idOf(error), frame?.type)
      return undefined
    }
  }

  /** Answers a request with an error. That it was for want of a right, the audit log has to know. */
  #refuse(error: unknown, reply_to: string | undefined, request: string | undefined): void {
    const { audit, counts } = this.#host
    audit.denied(error, { ...actorOf(this), request })
    if (isSignal(request) && isMeshError(error) && error.code === 'UNROUTABLE') counts.lostSignals.add('unroutable')
    this.fail(error, reply_to)
  }
}

/** What a client may still send when its access has run out: another token, and that it is there. */
const needsNoAccess: ReadonlySet<string> = new Set(['system.token.refresh', 'system.ping', 'system.pong', 'system.ack'])

// Most connections of a large server are idle, and an empty map weighs as much as the rest of a session.
const noRooms: ReadonlyMap<string, Occupant> = new Map()
