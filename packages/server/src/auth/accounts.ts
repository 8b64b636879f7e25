import { randomBytes } from 'node:crypto'
import {
  cleanName,
  MeshError,
  randomIds,
  toInstant,
  verifyAccess,
  type AccessClaims,
  type Audit,
  type Keyring,
  type Principal,
  type Selector,
  type Storage,
  type User,
  type Verified,
} from '@mesh/core'
import type { Attempts } from './attempts.ts'
import { createGuesses } from './guesses.ts'
import { createLogins, type Logins, type Tokens } from './logins.ts'
import type { Passwords } from './passwords.ts'
import { readRefreshToken } from './refresh-token.ts'

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
  /**
   * Makes an administrator where there is none: of several at once, one.
   * @throws MeshError CONFLICT (`already_set_up`) when there is one, and as {@link create}
   */
  createFirstAdmin(account: { username: string; password: string }): Promise<User>
  /**
   * Logs in, from a network where that is known. @throws MeshError RATE_LIMITED, or AUTH_INVALID, which is the same and as
   * slow for an unknown name, a wrong password, a disabled account and one without a password
   */
  login(username: string, password: string, network?: string): Promise<Tokens & { user: User }>
  /** Rotates a refresh token; one that was used before ends the login. @throws MeshError AUTH_INVALID, RATE_LIMITED */
  refresh(refresh_token: string, network?: string): Promise<Tokens>
  /** Ends a login, its connections included. An unknown token is as good as ended. */
  logout: Logins['logout']
  /** Changes the password and ends every login of the user, and the codes that wait for a device. @throws MeshError AUTH_INVALID, BAD_MESSAGE, RATE_LIMITED */
  changePassword(user_id: string, change: { current: string; next: string }, network?: string): Promise<void>
  /**
   * Changes an account; disabling ends its logins and connections. `by` is the account of the administrator who does it, where
   * there is one: of two who throw each other out at once one stays. @throws MeshError NOT_FOUND, CONFLICT, ACCESS_DENIED
   */
  update(
    user_id: string,
    change: { disabled?: boolean; username?: string; admin?: boolean },
    by?: string,
  ): Promise<User>
  /**
   * Deletes an account: out of every room, logged out everywhere, its name free again and its password gone. The id stays,
   * because messages keep their author. `by` as in {@link Accounts.update}.
   * @throws MeshError NOT_FOUND, CONFLICT for the last owner of a room, ACCESS_DENIED
   */
  remove(user_id: string, by?: string): Promise<void>
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
  attempts: Attempts
  /** Closes the connections of a login or user. */
  disconnect(which: Selector): void
  /** Who a token of a host's user stands for. @throws MeshError AUTH_INVALID */
  recognise(claims: Verified<AccessClaims>): Promise<Principal>
  /** Judges an access token of a device. */
  recogniseDevice(claims: Verified<AccessClaims>): Promise<Principal>
  /** Takes a user out of every room. @throws MeshError CONFLICT */
  leaveRooms(user_id: string): Promise<void>
  /** Where logouts and refreshes that are refused are noted. */
  audit(): Audit
  now(): number
}): Accounts {
  const { storage, passwords, accessKeys, issuer, now } = options
  const logins = createLogins(options)
  const guesses = createGuesses(options.attempts)

  /** Whether a password is a user's; it takes as long where there is no such user, or none who may come in. */
  function isTheirs(user: User | undefined, username: string, password: string, network: string | undefined) {
    const hash = user?.disabled ? undefined : (user?.hashed_password ?? undefined)
    const guess = { username, user_id: user?.user_id, network }
    return guesses.judge(guess, () => passwords.verify(password, hash))
  }

  async function newUser(account: { username: string; password: string }, admin: boolean): Promise<User> {
    const username = cleanName(account.username, 'username')
    return {
      user_id: randomIds.id('usr'),
      username,
      hashed_password: await passwords.hash(account.password),
      admin,
      disabled: false,
      created_at: now(),
    }
  }

  const login: Accounts['login'] = async (username, password, network) => {
    const user = await storage.users.findByName(username)
    if (!(await isTheirs(user, username, password, network)) || !user) {
      throw new MeshError('AUTH_INVALID', 'Wrong name or password')
    }
    const tokens = await logins.start(user.user_id)
    // What ended every login of the user while the password was judged, did not end this one: it was not there yet.
    const current = await storage.users.find(user.user_id)
    if (current?.disabled !== false || current.hashed_password !== user.hashed_password) {
      await logins.end({ sid: readRefreshToken(tokens.refresh_token).sid })
      return login(username, password, network)
    }
    await strengthen(user, password)
    return { ...tokens, user }
  }

  const changePassword: Accounts['changePassword'] = async (user_id, change, network) => {
    const user = await storage.users.find(user_id)
    if (!(await isTheirs(user, user?.username ?? user_id, change.current, network))) {
      throw new MeshError('AUTH_INVALID', 'Wrong password')
    }
    const to = await passwords.hash(change.next)
    // Before as well: what ends a thief's login must not be what a failing storage leaves out.
    await logins.end({ user_id })
    // Who knew a password that is not the one any more, has no say in what comes after it.
    const from = user?.hashed_password ?? ''
    if (!(await storage.users.rehash(user_id, { from, to }))) return changePassword(user_id, change, network)
    await storage.enrolments.forget(user_id)
    await logins.end({ user_id })
  }

  /** Keeps a hash that costs as much as new ones do, once the password is there to make it of. */
  async function strengthen({ user_id, hashed_password: from }: User, password: string): Promise<void> {
    // Nobody is turned away because too many sign in: it is done another time.
    const to = from === null ? undefined : await passwords.renewed(password, from).catch(() => undefined)
    if (from !== null && to !== undefined) await storage.users.rehash(user_id, { from, to })
  }

  return {
    async create({ admin = false, ...account }) {
      const user = await newUser(account, admin)
      if ((await storage.users.create(user)) === 'taken') throw new MeshError('CONFLICT', 'The name is taken')
      return user
    },

    async createFirstAdmin(account) {
      const user = await newUser(account, true)
      const outcome = await storage.users.createFirstAdmin(user)
      if (outcome === 'taken') throw new MeshError('CONFLICT', 'The name is taken')
      if (outcome === 'late') {
        throw new MeshError('CONFLICT', 'There is an administrator already', { reason: 'already_set_up' })
      }
      return user
    },

    login,

    async refresh(refresh_token, network) {
      const { user_id, tokens } = await logins.refresh(refresh_token, network)
      guesses.seen(user_id, network)
      return tokens
    },

    logout: logins.logout,

    changePassword,

    async update(user_id, { username, ...change }, by) {
      const name = username === undefined ? {} : { username: cleanName(username, 'name') }
      const user = await storage.users.update(user_id, { ...change, ...name }, by)
      if (!user) throw new MeshError('NOT_FOUND', 'No such user')
      if (user.disabled) await logins.end({ user_id })
      return user
    },

    async remove(user_id, by) {
      if (!(await storage.users.find(user_id))) throw new MeshError('NOT_FOUND', 'No such user')
      await options.leaveRooms(user_id)
      // A name that nobody can have taken beforehand, since nobody knows it. No bcrypt hash is written like `!`, so no password matches.
      const username = `deleted-${randomBytes(9).toString('base64url')}`
      await storage.users.update(user_id, { username, hashed_password: '!', admin: false, disabled: true }, by)
      await storage.devices.remove({ user_id })
      // A secret of somebody who is no longer here is nobody's to keep.
      await storage.notifyTargets.remove(user_id)
      await logins.end({ user_id })
    },

    find: async (idOrName) => (await storage.users.find(idOrName)) ?? (await storage.users.findByName(idOrName)),
    list: (page) => storage.users.list(page),

    async authenticate(token) {
      if (token === undefined) throw new MeshError('AUTH_REQUIRED')
      const claims = await verifyAccess(token, { keys: accessKeys, issuer, now: now() })
      if (claims.host) return options.recognise(claims)
      if (claims.device_id !== undefined) return options.recogniseDevice(claims)
      const { sub, sid, kid, iat, exp } = claims
      // A token stands on a login, a device or the host's word; one that stands on nothing could not be taken back.
      if (sid === undefined) throw new MeshError('AUTH_INVALID')
      const [user, login] = await Promise.all([storage.users.find(sub), storage.logins.find(sid)])
      if (!user || user.disabled || !login || login.revoked_at !== null || login.user_id !== user.user_id) {
        throw new MeshError('AUTH_INVALID')
      }
      // Whoever uses a fresh token has got the answer that it came in. Not to be able to note it is no reason to turn them away.
      if (login.parent_hash !== null && claims.gen === login.generation) {
        await storage.logins.confirm(login.sid, login.generation).catch(() => {})
      }
      const { user_id, username, admin } = user
      return { user_id, username, admin, sid, kid, issued_at: iat * 1000, expires_at: exp * 1000 }
    },
  }
}

/** What others may know of a user. */
export function viewOf({ user_id, username, admin, disabled, created_at }: User): UserView {
  return { user_id, username, admin, disabled, created_at: toInstant(created_at) }
}
