import { toInstant } from '@mesh/core'
import type { KeyContents } from './key-file.ts'
import { formerMs, ringNames, type RingKey, type RingName } from './key-ring.ts'

/** What may be shown of a key: nothing of it is secret. */
export interface KeyView {
  kid: string
  ring: RingName
  state: RingKey['state'] | 'revoked'
  /** Since when it is in this state. */
  since: string
  /** When it leaves it by itself, where it does. */
  until?: string
}

/** Every key, ring by ring, and those that were revoked. */
export function viewsOf(contents: KeyContents, rotationMs: number): KeyView[] {
  const live = ringNames.flatMap((ring) => contents[ring].map((key) => viewOf(ring, key, rotationMs)))
  const revoked = contents.revoked.map(({ kid, ring, since }) => ({ kid, ring, since: toInstant(since) }))
  return [...live, ...revoked.map((key) => ({ ...key, state: 'revoked' as const }))]
}

function viewOf(ring: RingName, { state, since, jwk }: RingKey, rotationMs: number): KeyView {
  const until = { next: undefined, current: rotationMs || undefined, former: formerMs }[state]
  const view = { kid: jwk.kid, ring, state, since: toInstant(since) }
  return until === undefined ? view : { ...view, until: toInstant(since + until) }
}
