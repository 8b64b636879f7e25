import type { LiveRoom, Outbound } from './context.ts'
import { KeptFrames } from './kept-frames.ts'
import type { Limits } from './limits.ts'
import type { MeshSocket } from './transport.ts'
import { WaitingFrames, type Waiting } from './waiting-frames.ts'

/** What the outboxes of one engine share, and what each may ask of its owner. */
export interface OutboxHost {
  readonly limits: Limits
  /** Monotonic, in milliseconds. */
  now(): number
  /** How many bytes all outboxes hold together. */
  readonly load: { bytes: number }
}

/** Who is told what an outbox cannot do. */
export interface OutboxOwner {
  /** More waits than may: the receiver does not keep up, or stays away too long. */
  overflow(): void
  /** A signal was given up, since it is too old to be of use. */
  dropped(frame: Outbound): void
}

/**
 * What one peer is sent, whatever becomes of its socket. A frame is handed over while the socket takes it, and kept until
 * the client has acknowledged it or others have pushed it out; while the socket is slow or gone it waits, within bounds.
 * A frame gets its number, which the client counts along, only when it is handed over.
 */
export class Outbox {
  readonly #host: OutboxHost
  readonly #owner: OutboxOwner
  #socket: MeshSocket | undefined
  /** Whether the socket may have nothing but what needs no access. */
  #isWithheld = false
  #handed = 0
  // Made with the first frame: most connections of a large server are idle.
  #kept: KeptFrames | undefined
  #waiting: WaitingFrames | undefined
  /** How much may wait; more than the limit only while a resumed client catches up. */
  #bound: number
  #shedAt: number
  #progressAt = 0

  constructor(host: OutboxHost, owner: OutboxOwner) {
    this.#host = host
    this.#owner = owner
    this.#bound = host.limits.queue_bytes
    this.#shedAt = this.#bound / 4
  }

  /** Bytes that are kept or wait. */
  get bytes(): number {
    return (this.#kept?.bytes ?? 0) + (this.#waiting?.bytes ?? 0)
  }

  send(frame: Outbound): void {
    const socket = this.#socket
    if (
      socket !== undefined &&
      !this.#isWithheld &&
      !this.#waiting?.length &&
      socket.bufferedAmount < this.#host.limits.socket_buffer_bytes
    ) {
      this.#hand(socket, frame)
    } else this.#wait(frame)
  }

  /** Begins with the socket of a fresh session. */
  attach(socket: MeshSocket): void {
    this.#socket = socket
  }

  detach(): void {
    this.#socket = undefined
  }

  /** Lets everything wait but what needs no access, until {@link release}. */
  withhold(): void {
    this.#isWithheld = true
  }

  /** The client may have what waits. */
  release(): void {
    if (!this.#isWithheld) return
    this.#isWithheld = false
    this.#progressAt = this.#host.now()
    this.flush()
  }

  /** Whether a client that has received so many frames can go on without a gap. */
  canResume(received: number): boolean {
    return received <= this.#handed && received >= this.#firstKept
  }

  /** How many frames were handed over before the first one that is kept. */
  get #firstKept(): number {
    return this.#handed - (this.#kept?.length ?? 0)
  }

  /** Goes on over another socket, with the frames after the first `received`; see {@link canResume}. */
  resume(socket: MeshSocket, received: number): void {
    const at = this.#host.now()
    const missed = this.#kept?.from(received - this.#firstKept) ?? []
    this.#forget()
    // What a purge took away is not sent again and so must not be counted: numbers go on from where the client is.
    this.#handed = received
    const later = this.#waiting
    this.#waiting = new WaitingFrames(this.#host.load)
    for (const frame of missed) this.#waiting.push(frame, at, true)
    for (let next = later?.shift(); next; next = later?.shift()) {
      this.#waiting.push(next.frame, next.at, next.isMissed)
    }
    this.#bound = this.#host.limits.queue_bytes + this.#waiting.bytes
    this.#progressAt = at
    this.#socket = socket
    this.#isWithheld = false
    this.flush()
  }

  /** The client has taken in so many frames. False when there were not so many. */
  acknowledge(received: number): boolean {
    if (received > this.#handed) return false
    while (this.#firstKept < received) this.#drop()
    return true
  }

  /** Takes away what of a room has not been handed to a socket, or might be again. */
  purge(room: LiveRoom): void {
    this.#host.load.bytes -= this.#kept?.purge(room) ?? 0
    this.#waiting?.filter(({ frame }) => frame.room !== room)
  }

  /** Hands over what waits, as far as the socket takes it. */
  flush(): void {
    const [socket, waiting] = [this.#socket, this.#waiting]
    if (!socket || !waiting?.length) return
    const { socket_buffer_bytes } = this.#host.limits
    const before = waiting.length
    while (waiting.length > 0 && socket.bufferedAmount < socket_buffer_bytes) {
      const next = this.#isWithheld ? waiting.pick(needsNoAccess) : waiting.shift()
      if (!next) break
      this.#hand(socket, next.frame)
      next.frame.served()
    }
    if (waiting.length === before) return
    this.#progressAt = this.#host.now()
    if (waiting.length > 0) return
    this.#waiting = undefined
    this.#bound = this.#host.limits.queue_bytes
    this.#shedAt = this.#bound / 4
  }

  /** Whether nothing has moved for too long although something waits for a socket that is there. */
  isStalled(): boolean {
    const isBehind = this.#socket !== undefined && !this.#isWithheld && (this.#waiting?.length ?? 0) > 0
    return isBehind && this.#host.now() - this.#progressAt >= this.#host.limits.stall_ms
  }

  /** Lets go of what could be sent again: from now on only a client that missed nothing can resume. */
  relieve(): void {
    this.#forget()
  }

  /** Lets go of everything. */
  clear(): void {
    this.detach()
    this.#forget()
    this.#waiting?.filter(() => false)
    this.#waiting = undefined
  }

  #hand(socket: MeshSocket, frame: Outbound): void {
    socket.send(frame)
    this.#handed++
    const kept = (this.#kept ??= new KeptFrames())
    kept.push(frame)
    this.#host.load.bytes += frame.size
    const { kept_frames, kept_bytes } = this.#host.limits
    while (kept.length > kept_frames || kept.bytes > kept_bytes) this.#drop()
  }

  #wait(frame: Outbound): void {
    const at = this.#host.now()
    const waiting = (this.#waiting ??= new WaitingFrames(this.#host.load))
    if (waiting.length === 0) this.#progressAt = at
    waiting.push(frame, at)
    if (this.#isWithheld && frame.kind === 'system') this.flush()
    if (waiting.bytes > this.#shedAt) this.#shed(waiting, at)
    if (waiting.bytes > this.#bound) this.#owner.overflow()
  }

  /** Gives up what is of least use: presence first, then signals that nobody can wait for any longer. */
  #shed(waiting: WaitingFrames, now: number): void {
    const { signal_ttl_ms } = this.#host.limits
    const isLate = waiting.bytes > this.#bound / 2
    const dropped: Outbound[] = []
    waiting.filter(({ frame, at }) => {
      if (frame.kind === 'presence') return false
      if (!isLate || frame.kind !== 'signal' || now - at < signal_ttl_ms) return true
      dropped.push(frame)
      return false
    })
    // Looking again only after some more has come keeps a long queue cheap.
    this.#shedAt = Math.max(this.#bound / 4, waiting.bytes + this.#bound / 8)
    for (const frame of dropped) this.#owner.dropped(frame)
  }

  #drop(): void {
    this.#host.load.bytes -= this.#kept?.drop() ?? 0
  }

  #forget(): void {
    this.#host.load.bytes -= this.#kept?.bytes ?? 0
    this.#kept = undefined
  }
}

/**
 * Word of the client's own state, and what it had before its access ran out and has to have first. In the order in which
 * they came: a warning that waited for a slow socket is not to come after the errors that it was to prevent.
 */
const needsNoAccess = ({ frame, isMissed }: Waiting) => isMissed || frame.kind === 'system'
