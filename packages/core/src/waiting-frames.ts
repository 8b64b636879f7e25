import type { LiveRoom, Outbound, Peer } from './context.ts'
import { Ring } from './ring.ts'

/** A frame that waits for its socket. */
export interface Waiting {
  readonly frame: Outbound
  /** Since when it waits. */
  readonly at: number
  /** Whether it was handed to an earlier socket, whose client did not get it. */
  readonly isMissed: boolean
}

interface Place {
  /** Undefined when a later state has made it useless; its place goes with the others. */
  waiting: Waiting | undefined
}

/** What waits until a socket takes it, in order. Of somebody's presence in a room only the latest state waits. */
export class WaitingFrames {
  #places = new Ring<Place>()
  /** The place of each presence: looking for it among all that waits would make a crowd that comes and goes expensive. */
  readonly #presences = new Map<LiveRoom | undefined, Map<Peer | undefined, Place>>()
  readonly #load: { bytes: number }
  /** How many frames wait. */
  length = 0
  /** Their size. */
  bytes = 0

  /** `load` counts the same bytes along, for all who share it. */
  constructor(load: { bytes: number }) {
    this.#load = load
  }

  push(frame: Outbound, at: number, isMissed = false): void {
    const place: Place = { waiting: { frame, at, isMissed } }
    if (frame.kind === 'presence') this.#supersede(frame, place)
    this.#places.push(place)
    this.#count(1, frame.size)
    if (this.#places.length > 2 * this.length + 64) this.filter(() => true)
  }

  /** Takes the first one out. */
  shift(): Waiting | undefined {
    while (this.#places.length > 0) {
      const waiting = this.#empty(this.#places.shift())
      if (waiting) return waiting
    }
    return undefined
  }

  /** Takes out the first one that may go; what stands before it stays. */
  pick(mayGo: (waiting: Waiting) => boolean): Waiting | undefined {
    for (let i = 0; i < this.#places.length; i++) {
      const place = this.#places.at(i)
      if (place?.waiting && mayGo(place.waiting)) return this.#empty(place)
    }
    return undefined
  }

  /** Leaves out what is not worth keeping. */
  filter(keep: (waiting: Waiting) => boolean): void {
    const kept = new Ring<Place>()
    for (let place = this.#places.shift(); place; place = this.#places.shift()) {
      if (place.waiting && keep(place.waiting)) kept.push(place)
      else this.#empty(place)
    }
    this.#places = kept
  }

  #supersede({ room, from }: Outbound, place: Place): void {
    const ofRoom = this.#presences.get(room) ?? new Map<Peer | undefined, Place>()
    this.#presences.set(room, ofRoom)
    this.#empty(ofRoom.get(from))
    ofRoom.set(from, place)
  }

  #empty(place: Place | undefined): Waiting | undefined {
    const waiting = place?.waiting
    if (!place || !waiting) return undefined
    place.waiting = undefined
    this.#count(-1, -waiting.frame.size)
    return waiting
  }

  #count(frames: number, bytes: number): void {
    this.length += frames
    this.bytes += bytes
    this.#load.bytes += bytes
  }
}
