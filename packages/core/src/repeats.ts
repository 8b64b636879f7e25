import { createBoundedMap } from './bounded-map.ts'
import { MeshError } from './errors.ts'

/** How many requests of one device or user are remembered, and for how many of them. */
const perIdentity = 256
const identities = 10_000

/** Remembers what requests were answered, so that a repeated id acts once, also across reconnects. */
export interface Repeats {
  /** The answer of the first time, or undefined. @throws MeshError CONFLICT when the id came with another body */
  find(identity: string, id: string, body: string): object | undefined
  keep(identity: string, id: string, body: string, reply: object): void
}

/** @see Repeats */
export function createRepeats(): Repeats {
  const known = createBoundedMap<string, ReturnType<typeof createBoundedMap<string, { body: string; reply: object }>>>(identities)
  return {
    find(identity, id, body) {
      const first = known.get(identity)?.get(id)
      if (first && first.body !== body) throw new MeshError('CONFLICT', undefined, { reason: 'repeated_id' })
      return first?.reply
    },
    keep(identity, id, body, reply) {
      const own = known.get(identity) ?? createBoundedMap<string, { body: string; reply: object }>(perIdentity)
      own.set(id, { body, reply })
      known.set(identity, own)
    },
  }
}
