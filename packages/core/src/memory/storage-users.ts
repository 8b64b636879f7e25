import { MeshError } from '../errors.ts'
import { nameKey } from '../names.ts'
import type { User, UserStore } from '../ports/index.ts'
import type { OpenTables } from './storage-tables.ts'

/** The users of the memory storage. */
export function createUsers(open: OpenTables): UserStore {
  return {
    create: async (user) => add(open(), user),

    async createFirstAdmin(user) {
      return [...open().users.values()].some(isAdmin) ? 'late' : add(open(), user)
    },

    hasAdmin: async () => [...open().users.values()].some(isAdmin),

    async ensure({ external, ...named }) {
      const { users } = open()
      const known = users.get(named.user_id)
      if (known && known.hashed_password !== null) return
      const user: User = known ?? { ...named, hashed_password: null, admin: false, disabled: false }
      user.username = named.username
      if (external) user.external = { ...external }
      users.set(user.user_id, user)
    },

    async find(user_id) {
      return copyOf(open().users.get(user_id))
    },

    async findByName(username) {
      const { users, names } = open()
      const user_id = names.get(nameKey(username))
      return user_id === undefined ? undefined : copyOf(users.get(user_id))
    },

    async rehash(user_id, { from, to }) {
      const user = open().users.get(user_id)
      if (user?.hashed_password !== from) return false
      user.hashed_password = to
      return true
    },

    async list({ after, limit }) {
      return [...open().users.values()]
        .filter((user) => after === undefined || user.user_id > after)
        .sort((a, b) => (a.user_id < b.user_id ? -1 : 1))
        .slice(0, limit)
        .map((user) => ({ ...user }))
    },

    async update(user_id, change, by) {
      const { users, names } = open()
      const known = users.get(user_id)
      if (!known) return undefined
      const doer = by === undefined ? undefined : users.get(by)
      if (by !== undefined && !(doer && isAdmin(doer))) throw new MeshError('ACCESS_DENIED')
      const next: User = { ...known, ...defined(change) }
      if (next.hashed_password !== null) {
        const key = nameKey(next.username)
        if ((names.get(key) ?? user_id) !== user_id) throw new MeshError('CONFLICT', 'The username is taken')
        if (known.hashed_password !== null) names.delete(nameKey(known.username))
        names.set(key, user_id)
      }
      users.set(user_id, next)
      return { ...next }
    },
  }
}

/** Adds a user, unless another account has the login name. */
function add({ users, names }: ReturnType<OpenTables>, user: User): 'created' | 'taken' {
  if (users.has(user.user_id)) throw new Error('A user with this id exists')
  if (user.hashed_password !== null) {
    const key = nameKey(user.username)
    if (names.has(key)) return 'taken'
    names.set(key, user.user_id)
  }
  users.set(user.user_id, { ...user })
  return 'created'
}

const isAdmin = ({ admin, disabled }: User) => admin && !disabled

function copyOf(user: User | undefined): User | undefined {
  return user && { ...user }
}

function defined<T extends object>(change: T): Partial<T> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<T>
}
