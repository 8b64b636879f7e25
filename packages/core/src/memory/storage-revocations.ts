import type { RevocationStore } from '../ports/index.ts'
import { endedOf } from '../revocations.ts'
import type { OpenTables } from './storage-tables.ts'

/** The revocations of the memory storage. */
export function createRevocations(open: OpenTables): RevocationStore {
  return {
    async add({ id, revoked_at, expires_at }) {
      const { revocations } = open()
      for (const old of revocations.values()) if (old.expires_at <= revoked_at) revocations.delete(old.id)
      const known = revocations.get(id)
      revocations.set(id, {
        id,
        revoked_at: Math.max(revoked_at, known?.revoked_at ?? 0),
        expires_at: Math.max(expires_at, known?.expires_at ?? 0),
      })
    },

    async ended({ user_ids, sids, device_ids }, now) {
      const { users, logins, devices, revocations } = open()
      const gone = [
        ...user_ids.filter((id) => users.get(id)?.disabled),
        ...sids.filter((id) => (logins.get(id)?.revoked_at ?? null) !== null),
        ...device_ids.filter((id) => !devices.has(id)),
      ]
      const noted = [...user_ids, ...sids].flatMap((id) => revocations.get(id) ?? [])
      return endedOf(
        gone,
        noted.filter(({ expires_at }) => expires_at > now),
      )
    },

    async find(ids, now) {
      const { revocations } = open()
      return [...new Set(ids)]
        .sort()
        .flatMap((id) => revocations.get(id) ?? [])
        .filter(({ expires_at }) => expires_at > now)
        .map((revocation) => ({ ...revocation }))
    },
  }
}
