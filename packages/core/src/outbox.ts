import type { LiveRoom, Outbound } from './context.ts'
import { KeptFrames } from './kept-frames.ts'
import type { Limits } from './limits.ts'
import type { MeshSocket } from './transport.ts'

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

interface Waiting {
  frame: Outbound
  /** Since when it waits. */
  at: number
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
  #handed = 0
  // Made with the first frame: most connections of a large server are idle.
  #kept: KeptFrames | undefined
  #waiting = none
  #waitingBytes = 0
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
    return (this.#kept?.bytes ?? 0) + this.#waitingBytes
  }

  send(frame: Outbound): void {
    const socket = this.#socket
    if (
      socket !== undefined &&
      this.#waiting.length === 0 &&
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
    const missed = (this.#kept?.from(received - this.#firstKept) ?? []).map((frame) => ({ frame, at }))
    this.#forget()
    // What a purge took away is not sent again and so must not be counted: numbers go on from where the client is.
    this.#handed = received
    this.#waiting = [...missed, ...this.#waiting]
    for (const { frame } of missed) this.#weigh(frame.text.length)
    this.#bound = this.#host.limits.queue_bytes + this.#waitingBytes
    this.#progressAt = at
    this.#socket = socket
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
    this.#filter(({ frame }) => frame.room !== room)
  }

  /** Hands over what waits, as far as the socket takes it. */
  flush(): void {
    const socket = this.#socket
    if (!socket || this.#waiting.length === 0) return
    const { socket_buffer_bytes } = this.#host.limits
    let sent = 0
    while (sent < this.#waiting.length && socket.bufferedAmount < socket_buffer_bytes) {
      const { frame } = this.#waiting[sent++] as Waiting
      this.#weigh(-frame.text.length)
      this.#hand(socket, frame)
      frame.wire = undefined
    }
    if (sent === 0) return
    this.#progressAt = this.#host.now()
    this.#waiting = this.#waiting.slice(sent)
    if (this.#waiting.length > 0) return
    this.#bound = this.#host.limits.queue_bytes
    this.#shedAt = this.#bound / 4
  }

  /** Whether nothing has moved for too long although something waits for a socket that is there. */
  isStalled(): boolean {
    const isBehind = this.#socket !== undefined && this.#waiting.length > 0
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
    this.#filter(() => false)
  }

  #hand(socket: MeshSocket, frame: Outbound): void {
    socket.send(frame)
    this.#handed++
    const kept = (this.#kept ??= new KeptFrames())
    kept.push(frame)
    this.#host.load.bytes += frame.text.length
    const { kept_frames, kept_bytes } = this.#host.limits
    while (kept.length > kept_frames || kept.bytes > kept_bytes) this.#drop()
  }

  #wait(frame: Outbound): void {
    const at = this.#host.now()
    if (this.#waiting.length === 0) this.#progressAt = at
    // Of a peer's presence only the latest state is of use.
    if (frame.kind === 'presence') {
      this.#filter(
        ({ frame: { kind, from, room } }) => kind !== 'presence' || from !== frame.from || room !== frame.room,
      )
    }
    if (this.#waiting.length > 0) this.#waiting.push({ frame, at })
    else this.#waiting = [{ frame, at }]
    this.#weigh(frame.text.length)
    if (this.#waitingBytes > this.#shedAt) this.#shed(at)
    if (this.#waitingBytes > this.#bound) this.#owner.overflow()
  }

  /** Gives up what is of least use: presence first, then signals that nobody can wait for any longer. */
  #shed(now: number): void {
    const { signal_ttl_ms } = this.#host.limits
    const isLate = this.#waitingBytes > this.#bound / 2
    const dropped: Outbound[] = []
    this.#filter(({ frame, at }) => {
      if (frame.kind === 'presence') return false
      if (!isLate || frame.kind !== 'signal' || now - at < signal_ttl_ms) return true
      dropped.push(frame)
      return false
    })
    // Looking again only after some more has come keeps a long queue cheap.
    this.#shedAt = Math.max(this.#bound / 4, this.#waitingBytes + this.#bound / 8)
    for (const frame of dropped) this.#owner.dropped(frame)
  }

  #filter(keep: (waiting: Waiting) => boolean): void {
    this.#waiting = this.#waiting.filter((waiting) => {
      const isKept = keep(waiting)
      if (!isKept) this.#weigh(-waiting.frame.text.length)
      return isKept
    })
  }

  #weigh(bytes: number): void {
    this.#waitingBytes += bytes
    this.#host.load.bytes += bytes
  }

  #drop(): void {
    this.#host.load.bytes -= this.#kept?.drop() ?? 0
  }

  #forget(): void {
    this.#host.load.bytes -= this.#kept?.bytes ?? 0
    this.#kept = undefined
  }
}

// Never written to: what waits has an array of its own.
const none: Waiting[] = []
