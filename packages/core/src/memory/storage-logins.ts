import type { LoginStore, NewLogin } from '../ports/index.ts'
import type { OpenTables } from './storage-tables.ts'

/** The logins of the memory storage. */
export function createLogins(open: OpenTables): LoginStore {
  return {
    async create(login) {
      const { logins, users } = open()
      if (logins.has(login.sid)) throw new Error('A login with this id exists')
      if (!users.has(login.user_id)) throw new Error('The user of a login must exist')
      logins.set(login.sid, { ...login, ...unused(login) })
    },

    async find(sid) {
      const login = open().logins.get(sid)
      return login && { ...login }
    },

    async rotate({ sid, secret_hash, generation, next_hash, now, expires_at, grace_ms }) {
      const { logins, users } = open()
      const login = logins.get(sid)
      if (!login || login.revoked_at !== null || login.expires_at <= now || users.get(login.user_id)?.disabled) {
        return { outcome: 'unknown' }
      }
      if (secret_hash === login.secret_hash) {
        Object.assign(login, { parent_hash: secret_hash, generation: login.generation + 1, rotated_at: now })
      } else {
        const mayRetry = now - login.rotated_at <= grace_ms
        if (mayRetry && secret_hash !== login.parent_hash && generation === login.generation) {
          return { outcome: 'superseded' }
        }
        if (!mayRetry || secret_hash !== login.parent_hash) {
          login.revoked_at = now
          return { outcome: 'reused' }
        }
      }
      login.secret_hash = next_hash
      login.expires_at = expires_at
      return { outcome: 'rotated', login: { ...login } }
    },

    async confirm(sid, generation) {
      const login = open().logins.get(sid)
      if (login?.generation === generation) login.parent_hash = null
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

/** What a login has to tell of refreshes before the first one. */
const unused = ({ created_at }: NewLogin) => ({
  parent_hash: null,
  generation: 0,
  rotated_at: created_at,
  revoked_at: null,
})
