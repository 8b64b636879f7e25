import type { Revocation } from './ports/index.ts'

/**
 * From when on what is granted to a user is good again after a revocation. Tokens say when they were made in whole
 * seconds: what was made in the second of the revocation may be older than it.
 */
export function goodFrom({ revoked_at }: Revocation): number {
  return (Math.floor(revoked_at / 1000) + 1) * 1000
}

/** What `RevocationStore.ended` answers, of ids whose access is over for good and revocations that are in force. */
export function endedOf(gone: readonly string[], noted: readonly Revocation[]): { id: string; before: number }[] {
  const before = new Map(gone.map((id) => [id, Infinity]))
  for (const revocation of noted) {
    // A user may come back with a new login; a login does not.
    const end = revocation.id.startsWith('usr_') ? goodFrom(revocation) : Infinity
    before.set(revocation.id, Math.max(end, before.get(revocation.id) ?? 0))
  }
  return [...before].map(([id, end]) => ({ id, before: end })).sort((a, b) => (a.id < b.id ? -1 : 1))
}
