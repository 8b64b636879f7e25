import { generateSigningKey, type PrivateJwk } from '@mesh/core'

/** The rings there are: separate keys for separate kinds of token (RFC 8725 section 3.12). */
export const ringNames = ['access', 'capability'] as const

/** One of {@link ringNames}. Capability keys also sign the session tokens of agents. */
export type RingName = (typeof ringNames)[number]

/** A key and what it is there for: `next` is published ahead, `current` signs, `former` only verifies. */
export interface RingKey {
  readonly state: 'next' | 'current' | 'former'
  /** Since when it is in this state, in milliseconds since 1970. */
  readonly since: number
  readonly jwk: PrivateJwk
}

const hourMs = 3600 * 1000

/** How long a key is published before it signs by itself, in milliseconds: whoever keeps a copy of the JWKS has it by then. */
export const publishedAheadMs = 24 * hourMs

/** How long a former key verifies, in milliseconds: the longest token (10 min), the JWKS' age (10 min) and leeway, rounded up. */
export const formerMs = hourMs

/**
 * A ring as it should be now: a current and a next key in it, the current one in its place for at most `rotationMs`
 * (0: until told), former keys only as long as something they signed may live.
 */
export async function maintained(ring: readonly RingKey[], now: number, rotationMs: number): Promise<RingKey[]> {
  // Dates from the future come of a clock that was wrong; by them no key would ever end.
  const dated = ring.map((key) => (key.since > now + hourMs ? { ...key, since: now } : key))
  const kept = dated.filter(({ state, since }) => state !== 'former' || since + formerMs > now)
  return filled(isDue(kept, now, rotationMs) ? advanced(kept, now) : kept, now)
}

/** A ring whose next key signs from now on; what was current still verifies. */
export function advanced(ring: readonly RingKey[], now: number): RingKey[] {
  return ring.map((key) => {
    if (key.state === 'former') return key
    return { ...key, state: key.state === 'next' ? 'current' : 'former', since: now }
  })
}

/** Whether a ring's next key has been published for long enough that it may sign. */
export function isPublished(ring: readonly RingKey[], now: number): boolean {
  return ring.some(({ state, since }) => state === 'next' && since + publishedAheadMs <= now)
}

function isDue(ring: readonly RingKey[], now: number, rotationMs: number): boolean {
  const isOld = ring.some(({ state, since }) => state === 'current' && since + rotationMs <= now)
  return rotationMs > 0 && isOld && isPublished(ring, now)
}

async function filled(ring: readonly RingKey[], now: number): Promise<RingKey[]> {
  const full = [...ring]
  for (const state of ['current', 'next'] as const) {
    if (full.some((key) => key.state === state)) continue
    full.push({ state, since: now, jwk: await generateSigningKey() })
  }
  return full
}
