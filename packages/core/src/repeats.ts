import { createBoundedMap, type BoundedMap } from './bounded-map.ts'
import { MeshError } from './errors.ts'

/** How many requests of one device or user are remembered, and for how many of them. */
const perIdentity = 256
const identities = 10_000

/** A request that was answered. `holder` is the one peer that the answer is for, if it is not for all of the identity. */
interface Answer {
  body: string
  reply: object
  holder: string | undefined
}

/** Remembers what requests were answered, so that a repeated id acts once, also across reconnects. */
export interface Repeats {
  /** The answer of the first time, or undefined. @throws MeshError CONFLICT when the id came with another body */
  find(identity: string, id: string, body: string, holder?: string): object | undefined
  keep(identity: string, id: string, body: string, reply: object, holder?: string): void
}

/** @see Repeats */
export function createRepeats(): Repeats {
  const known = createBoundedMap<string, BoundedMap<string, Answer>>(identities)
  return {
    find(identity, id, body, holder) {
      const first = known.get(identity)?.get(id)
      if (first && first.body !== body) throw new MeshError('CONFLICT', undefined, { reason: 'repeated_id' })
      return first?.holder === holder ? first?.reply : undefined
    },
    keep(identity, id, body, reply, holder) {
      const own = known.get(identity) ?? createBoundedMap<string, Answer>(perIdentity)
      own.set(id, { body, reply, holder })
      known.set(identity, own)
    },
  }
}
