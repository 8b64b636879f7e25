import type { KeyContents } from './key-file.ts'
import { ringNames, type RingKey } from './key-ring.ts'

/** Something that happened to a key, as the audit log calls it. */
export interface KeyChange {
  readonly action: 'key.publish' | 'key.rotate' | 'key.retire' | 'key.revoke'
  readonly kid: string
  /** Whose doing it was; absent where another process on the same directory did it, and notes it. */
  readonly by?: 'administrator' | 'server'
}

/** What is different after a change, but for what was revoked. */
export function changesOf(before: KeyContents | undefined, after: KeyContents): KeyChange[] {
  const revoked = new Set(after.revoked.map(({ kid }) => kid))
  return ringNames.flatMap((name) => {
    const [old, ring] = [before?.[name] ?? [], after[name]]
    const came = (state: RingKey['state'], action: KeyChange['action']) =>
      without(
        ring.filter((key) => key.state === state),
        old.filter((key) => key.state === state),
      ).map((kid) => ({ action, kid }))
    const gone = without(old, ring).filter((kid) => !revoked.has(kid))
    return [
      ...came('next', 'key.publish'),
      ...came('current', 'key.rotate'),
      ...gone.map((kid) => ({ action: 'key.retire' as const, kid })),
    ]
  })
}

function without(ring: readonly RingKey[], other: readonly RingKey[]): string[] {
  const known = new Set(other.map(({ jwk }) => jwk.kid))
  return ring.map(({ jwk }) => jwk.kid).filter((kid) => !known.has(kid))
}
