import { createBoundedMap, type BoundedMap } from './bounded-map.ts'
import { MeshError } from './errors.ts'

/** How many requests of one device or user are remembered, and for how many of them. */
const perIdentity = 256
const identities = 10_000

/** A request that acts once, however often it comes. */
export interface Request {
  /** The device or user that sent it. */
  identity: string
  id: string
  /** All that it says; another one under the same id is a mistake. */
  body: string
  /** The one peer that the answer is for, if it is not for all of the identity. */
  holder: string | undefined
}

/** How a request was answered. */
export interface First {
  readonly answer: object
  /** The room that the answer is about, if it is for nobody who is not in there. */
  readonly room_id: string | undefined
}

interface Answered extends First {
  readonly mark: string
  readonly holder: string | undefined
}

/** Remembers what requests were answered, so that a repeated id acts once, also across reconnects. */
export interface Repeats {
  /** The answer of the first time, or undefined. @throws MeshError CONFLICT when the id came with another body */
  find(request: Request): First | undefined
  keep(request: Request, first: First): void
}

/** @see Repeats */
export function createRepeats(): Repeats {
  const known = createBoundedMap<string, BoundedMap<string, Answered>>(identities)
  return {
    find({ identity, id, body, holder }) {
      const first = known.get(identity)?.get(id)
      if (first && first.mark !== markOf(body)) throw new MeshError('CONFLICT', undefined, { reason: 'repeated_id' })
      return first?.holder === holder ? first : undefined
    },
    keep({ identity, id, body, holder }, { answer, room_id }) {
      const own = known.get(identity) ?? createBoundedMap(perIdentity)
      own.set(id, { mark: markOf(body), holder, answer, room_id })
      known.set(identity, own)
    },
  }
}

/**
 * Tells one body from another without keeping it: bodies are long, and hold tokens. Two FNV-1a sums and the length are no
 * protection against somebody who looks for two bodies with one mark, but such a sender would fool nobody but itself.
 */
function markOf(body: string): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c]
  for (let i = 0; i < body.length; i++) {
    const c = body.charCodeAt(i)
    a = Math.imul(a ^ c, 0x01000193)
    b = Math.imul(b ^ c, 0x01000193) ^ (a >>> 15)
  }
  return `${body.length}.${a >>> 0}.${b >>> 0}`
}
