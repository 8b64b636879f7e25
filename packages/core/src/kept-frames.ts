import type { LiveRoom, Outbound } from './context.ts'
import { Ring } from './ring.ts'

/** The latest frames that were handed to a socket, in case they have to be sent again. */
export class KeptFrames {
  /** Undefined is a frame that a purge took away; its place, and so its number, remains. */
  readonly #frames = new Ring<Outbound | undefined>()
  /** Their sizes, so that to let go of a frame is not to look at it: by then it is in no cache any more. */
  readonly #sizes = new Ring<number>()
  bytes = 0

  get length(): number {
    return this.#frames.length
  }

  push(frame: Outbound): void {
    this.#frames.push(frame)
    this.#sizes.push(frame.size)
    this.bytes += frame.size
  }

  /** Lets go of the oldest frame; returns its size. */
  drop(): number {
    this.#frames.shift()
    const size = this.#sizes.shift() ?? 0
    this.bytes -= size
    return size
  }

  /** Takes the frames of a room away; returns their size. */
  purge(room: LiveRoom): number {
    let purged = 0
    for (let i = 0; i < this.#frames.length; i++) {
      if (this.#frames.at(i)?.room !== room) continue
      purged += this.#sizes.at(i) ?? 0
      this.#frames.replace(i, undefined)
      this.#sizes.replace(i, 0)
    }
    this.bytes -= purged
    return purged
  }

  /** The frames from a place on, counted from the oldest, 0. */
  from(index: number): Outbound[] {
    const frames: Outbound[] = []
    for (let i = index; i < this.#frames.length; i++) {
      const frame = this.#frames.at(i)
      if (frame) frames.push(frame)
    }
    return frames
  }
}
