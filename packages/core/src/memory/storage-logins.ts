import type { LoginStore } from '../ports/index.ts'
import type { OpenTables } from './storage-tables.ts'

/** The logins of the memory storage. */
export function createLogins(open: OpenTables): LoginStore {
  return {
    async create({ sid, user_id, secret_hash, created_at, expires_at }) {
      const { logins, users } = open()
      if (logins.has(sid)) throw new Error('A login with this id exists')
      if (!users.has(user_id)) throw new Error('The user of a login must exist')
      logins.set(sid, { sid, user_id, secret_hash, created_at, expires_at, revoked_at: null })
    },

    async find(sid) {
      const login = open().logins.get(sid)
      return login && { ...login }
    },

    async rotate({ sid, secret_hash, next_hash, now, expires_at }) {
      const login = open().logins.get(sid)
      if (!login || login.revoked_at !== null || login.expires_at <= now) return { outcome: 'unknown' }
      if (login.secret_hash !== secret_hash) {
        login.revoked_at = now
        return { outcome: 'reused' }
      }
      login.secret_hash = next_hash
      login.expires_at = expires_at
      return { outcome: 'rotated', login: { ...login } }
    },

    async revoke(which, now) {
      const ended: string[] = []
      for (const login of open().logins.values()) {
        const meant = 'sid' in which ? login.sid === which.sid : login.user_id === which.user_id
        if (!meant || login.revoked_at !== null) continue
        login.revoked_at = now
        ended.push(login.sid)
      }
      return ended.sort()
    },
  }
}
