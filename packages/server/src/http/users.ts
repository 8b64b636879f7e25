import { MeshError, type Principal } from '@mesh/core'
import * as v from 'valibot'
import { viewOf } from '../auth/accounts.ts'
import { changesOf } from '../auth/noted.ts'
import { requireAdmin } from './mount.ts'
import { byId, listOf, page } from './page.ts'
import { route } from './route.ts'
import { userView } from './views.ts'

const text = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max))

/** Who is calling. */
export const ownRoutes = [
  route({
    method: 'get',
    path: '/me',
    name: 'getMe',
    summary: 'The user behind the access token.',
    auth: 'bearer',
    answer: userView,
    errors: ['NOT_FOUND'],
    async handle({ app, principal }) {
      const user = await app.storage.users.find(principal.user_id)
      if (!user) throw new MeshError('NOT_FOUND')
      return viewOf(user)
    },
  }),
]

/** Accounts: administrators list and change them, anybody may look up one exact name. */
export const userRoutes = [
  route({
    method: 'get',
    path: '/users',
    name: 'listUsers',
    audit: {
      action: 'admin.read',
      note: ({ query }) => (query.username === undefined ? { request: 'listUsers' } : undefined),
    },
    summary:
      'With `username`, for anybody: the user of exactly that name, or nobody. Without: all users, for administrators.',
    auth: 'bearer',
    query: v.strictObject({ ...byId.entries, username: v.optional(text(256)) }),
    // Others learn the id that goes with a name, and no more.
    answer: listOf(v.union([userView, v.pick(userView, ['user_id', 'username'])])),
    errors: ['ACCESS_DENIED'],
    async handle({ app: { accounts, storage }, principal, query: { username, ...asked } }) {
      if (username !== undefined) {
        const user = await storage.users.findByName(username)
        return { data: user ? [shown(viewOf(user), principal)] : [] }
      }
      requireAdmin(principal)
      return page((await accounts.list(asked)).map(viewOf), asked.limit, (last) => last.user_id)
    },
  }),
  route({
    method: 'post',
    path: '/users',
    name: 'createUser',
    audit: {
      action: 'user.create',
      note: (_call, { user_id, admin }) => ({ target: user_id, changes: [`admin=${admin}`] }),
    },
    summary: 'Makes an account.',
    auth: 'admin',
    body: v.strictObject({
      username: text(256),
      password: v.pipe(v.string(), v.maxLength(1024)),
      admin: v.optional(v.boolean()),
    }),
    status: 201,
    answer: userView,
    errors: ['CONFLICT'],
    async handle({ app, body, confirm }) {
      const user = await app.accounts.create(body)
      // A password takes its time to hash, and an account would outlive the right to make it.
      await confirm().catch(async (error: unknown) => {
        await app.accounts.remove(user.user_id)
        throw error
      })
      return viewOf(user)
    },
  }),
  route({
    method: 'patch',
    path: '/users/:user_id',
    name: 'updateUser',
    audit: {
      action: 'user.update',
      note: ({ params, body }) => ({
        target: params.user_id,
        changes: changesOf(body),
      }),
    },
    summary: 'Changes an account. Disabling it ends its logins and connections.',
    auth: 'admin',
    body: v.strictObject({
      disabled: v.optional(v.boolean()),
      name: v.optional(text(256)),
      admin: v.optional(v.boolean()),
    }),
    answer: userView,
    errors: ['CONFLICT'],
    async handle({ app, principal, params, body: { name, ...change } }) {
      if (change.admin === false || change.disabled) refuseOneself(principal, params.user_id)
      const changes = { ...defined(change), ...(name ? { username: name } : {}) }
      return viewOf(await app.accounts.update(params.user_id, changes, accountOf(principal)))
    },
  }),
  route({
    method: 'delete',
    path: '/users/:user_id',
    name: 'deleteUser',
    audit: { action: 'user.delete', note: ({ params }) => ({ target: params.user_id }) },
    summary: 'Deletes an account: out of every room and login, its name free again. The last owner of a room is kept.',
    auth: 'admin',
    errors: ['CONFLICT'],
    async handle({ app, principal, params }) {
      refuseOneself(principal, params.user_id)
      await app.accounts.remove(params.user_id, accountOf(principal))
    },
  }),
]

function refuseOneself(principal: Principal, user_id: string): void {
  if (user_id === principal.user_id) throw new MeshError('CONFLICT', 'Administrators cannot lock themselves out')
}

/** The account that makes somebody an administrator; whom the host vouches for as one has none. */
const accountOf = ({ host, user_id }: Principal) => (host ? undefined : user_id)

/** What is not given stays as it is. */
function defined(change: { disabled?: boolean | undefined; admin?: boolean | undefined }) {
  return {
    ...(change.disabled === undefined ? {} : { disabled: change.disabled }),
    ...(change.admin === undefined ? {} : { admin: change.admin }),
  }
}

function shown(user: ReturnType<typeof viewOf>, principal: Principal) {
  return principal.admin || user.user_id === principal.user_id
    ? user
    : { user_id: user.user_id, username: user.username }
}
