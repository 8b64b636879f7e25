import { createHash, randomBytes } from 'node:crypto'
import {
  cleanName,
  issueAccess,
  MeshError,
  randomIds,
  toInstant,
  verifyAccess,
  type AccessClaims,
  type Keyring,
  type Principal,
  type Selector,
  type Storage,
  type User,
  type Verified,
} from '@mesh/core'
import type { Passwords } from './passwords.ts'

/** How long a login lives without being refreshed, in milliseconds. */
const loginLifeMs = 14 * 24 * 3600 * 1000

/** What a login hands out. `expires_in` in seconds. */
export interface Tokens {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  refresh_token: string
}

/** What others may know of a user. */
export interface UserView {
  user_id: string
  username: string
  admin: boolean
  disabled: boolean
  created_at: string
}

/** The built-in accounts: names, bcrypt hashes, and logins that refresh and can be ended. */
export interface Accounts {
  /** @throws MeshError CONFLICT when the name is taken, BAD_MESSAGE for an unfit name or password */
  create(account: { username: string; password: string; admin?: boolean | undefined }): Promise<User>
  /** @throws MeshError AUTH_INVALID, the same and as slow for an unknown name, a wrong password and a disabled account */
  login(username: string, password: string): Promise<Tokens & { user: User }>
  /** Rotates a refresh token; one that was used before ends the login. @throws MeshError AUTH_INVALID */
  refresh(refresh_token: string): Promise<Tokens>
  /** Ends a login, its connections included. An unknown token is as good as ended. */
  logout(refresh_token: string): Promise<void>
  /** Changes the password and ends every login of the user. @throws MeshError AUTH_INVALID, BAD_MESSAGE */
  changePassword(user_id: string, current: string, next: string): Promise<void>
  /** Changes an account; disabling ends its logins and connections. @throws MeshError NOT_FOUND */
  update(user_id: string, change: { disabled?: boolean; username?: string; admin?: boolean }): Promise<User>
  /**
   * Deletes an account: out of every room, logged out everywhere, its name free again and its password gone. The id stays,
   * because messages keep their author. @throws MeshError NOT_FOUND, CONFLICT for the last owner of a room
   */
  remove(user_id: string): Promise<void>
  /** Finds a user by id or exact name. */
  find(idOrName: string): Promise<User | undefined>
  list(page: { after?: string | undefined; limit: number }): Promise<User[]>
  /** Who an access token stands for, now. @throws MeshError AUTH_REQUIRED, AUTH_INVALID, AUTH_EXPIRED */
  authenticate(token: string | undefined): Promise<Principal>
}

/** @see Accounts */
export function createAccounts(options: {
  storage: Storage
  passwords: Passwords
  accessKeys: Keyring
  issuer: string
  /** Closes the connections of a login or user. */
  disconnect(which: Selector): void
  /** Who a token of a host's user stands for. @throws MeshError AUTH_INVALID */
  recognise(claims: Verified<AccessClaims>): Promise<Principal>
  /** Takes a user out of every room. @throws MeshError CONFLICT */
  leaveRooms(user_id: string): Promise<void>
}): Accounts {
  const { storage, passwords, accessKeys, issuer, disconnect } = options
  const now = () => Date.now()

  async function tokensFor(user_id: string, sid: string, secret: string): Promise<Tokens> {
    const access = await issueAccess(accessKeys, { issuer, user_id, sid, jti: randomIds.uuid(), now: now() })
    const expires_in = Math.floor((access.expires_at - now()) / 1000)
    return { access_token: access.token, token_type: 'Bearer', expires_in, refresh_token: `mrt_${sid}.${secret}` }
  }

  async function end(which: { sid: string } | { user_id: string }): Promise<void> {
    await storage.logins.revoke(which, now())
    disconnect(which)
  }

  return {
    async create({ username, password, admin = false }) {
      const name = cleanName(username, 'username')
      const user: User = {
        user_id: randomIds.id('usr'),
        username: name,
        hashed_password: await passwords.hash(password),
        admin,
        disabled: false,
        created_at: now(),
      }
      if ((await storage.users.create(user)) === 'taken') throw new MeshError('CONFLICT', 'The name is taken')
      return user
    },

    async login(username, password) {
      const user = await storage.users.findByName(username)
      // A missing or disabled account costs the same hash as a real one, so that time tells nobody which names exist.
      const matches = await passwords.verify(
        password,
        user?.disabled ? undefined : (user?.hashed_password ?? undefined),
      )
      if (!user || !matches) throw new MeshError('AUTH_INVALID', 'Wrong name or password')
      const sid = randomIds.id('sess')
      const secret = newSecret()
      const at = now()
      await storage.logins.create({
        sid,
        user_id: user.user_id,
        secret_hash: hashOf(secret),
        created_at: at,
        expires_at: at + loginLifeMs,
      })
      return { ...(await tokensFor(user.user_id, sid, secret)), user }
    },

    async refresh(refresh_token) {
      const { sid, secret } = parseRefresh(refresh_token)
      const next = newSecret()
      const at = now()
      const rotated = await storage.logins.rotate({
        sid,
        secret_hash: hashOf(secret),
        next_hash: hashOf(next),
        now: at,
        expires_at: at + loginLifeMs,
      })
      if (rotated.outcome === 'reused') disconnect({ sid })
      if (!('login' in rotated)) throw new MeshError('AUTH_INVALID', 'The refresh token is not valid')
      const user = await storage.users.find(rotated.login.user_id)
      if (!user || user.disabled) throw new MeshError('AUTH_INVALID', 'The refresh token is not valid')
      return tokensFor(user.user_id, sid, next)
    },

    async logout(refresh_token) {
      const { sid, secret } = parseRefresh(refresh_token)
      const login = await storage.logins.find(sid)
      if (login?.secret_hash === hashOf(secret)) await end({ sid })
    },

    async changePassword(user_id, current, next) {
      const user = await storage.users.find(user_id)
      if (!(await passwords.verify(current, user?.hashed_password ?? undefined))) {
        throw new MeshError('AUTH_INVALID', 'Wrong password')
      }
      await storage.users.update(user_id, { hashed_password: await passwords.hash(next) })
      await end({ user_id })
    },

    async update(user_id, { username, ...change }) {
      const name = username === undefined ? {} : { username: cleanName(username, 'name') }
      const user = await storage.users.update(user_id, { ...change, ...name })
      if (!user) throw new MeshError('NOT_FOUND', 'No such user')
      if (user.disabled) await end({ user_id })
      return user
    },

    async remove(user_id) {
      if (!(await storage.users.find(user_id))) throw new MeshError('NOT_FOUND', 'No such user')
      await options.leaveRooms(user_id)
      // No bcrypt hash is written like this, so no password matches it.
      const gone = { username: `deleted-${user_id.slice(-12)}`, hashed_password: '!', admin: false, disabled: true }
      await storage.users.update(user_id, gone)
      await end({ user_id })
    },

    find: async (idOrName) => (await storage.users.find(idOrName)) ?? (await storage.users.findByName(idOrName)),
    list: (page) => storage.users.list(page),

    async authenticate(token) {
      if (token === undefined) throw new MeshError('AUTH_REQUIRED')
      const claims = await verifyAccess(token, { keys: accessKeys, issuer, now: now() })
      if (claims.host) return options.recognise(claims)
      const [user, login] = await Promise.all([storage.users.find(claims.sub), storage.logins.find(claims.sid)])
      if (!user || user.disabled || !login || login.revoked_at !== null || login.user_id !== user.user_id) {
        throw new MeshError('AUTH_INVALID')
      }
      const { user_id, username, admin } = user
      const { sid, kid, device_id, exp } = claims
      return { user_id, username, admin, sid, kid, device_id, expires_at: exp * 1000 }
    },
  }
}

/** What others may know of a user. */
export function viewOf({ user_id, username, admin, disabled, created_at }: User): UserView {
  return { user_id, username, admin, disabled, created_at: toInstant(created_at) }
}

const newSecret = () => randomBytes(32).toString('base64url')

/** SHA-256 is enough for a secret of 256 random bits; a slow hash would let anybody burn our CPU. */
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

function parseRefresh(token: string): { sid: string; secret: string } {
  const [, sid, secret] = /^mrt_(sess_[\w-]{22,64})\.([\w-]{43})$/.exec(token) ?? []
  if (!sid || !secret) throw new MeshError('AUTH_INVALID', 'The refresh token is not valid')
  return { sid, secret }
}
