import type { LiveRoom, Outbound, Peer } from './context.ts'

/** @see Outbound */
class Frame implements Outbound {
  readonly text: string
  readonly kind: Outbound['kind']
  readonly room: LiveRoom | undefined
  readonly from: Peer | undefined
  readonly id: string | undefined
  #encoded: object | undefined

  constructor(text: string, { kind, room, from, id }: About) {
    this.text = text
    this.kind = kind
    this.room = room
    this.from = from
    this.id = id
  }

  get size(): number {
    return this.text.length
  }

  encoded<T extends object>(Form: new (text: string) => T): T {
    if (this.#encoded instanceof Form) return this.#encoded
    const encoded = new Form(this.text)
    this.#encoded = encoded
    return encoded
  }

  served(): void {
    this.#encoded = undefined
  }
}

/** What decides about a frame when its receiver does not keep up; see {@link Outbound}. */
type About = Pick<Outbound, 'kind'> & Partial<Pick<Outbound, 'room' | 'from' | 'id'>>

/** Makes a frame of a finished text. */
export function outbound(text: string, about: About): Outbound {
  return new Frame(text, about)
}

/** A frame about the connection itself, or an error in answer to its client: it comes through even where access has run out. */
export function systemFrame(text: string): Outbound {
  return outbound(text, { kind: 'system' })
}

/** A frame that is never left out. */
export function eventFrame(text: string, room?: LiveRoom): Outbound {
  return outbound(text, { kind: 'event', room })
}

/** Sends one frame to several peers. */
export function deliver(frame: Outbound, receivers: Iterable<Peer>): void {
  for (const peer of receivers) peer.send(frame)
  frame.served()
}
