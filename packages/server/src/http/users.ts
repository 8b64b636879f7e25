import { MeshError, type Principal } from '@mesh/core'
import { Hono } from 'hono'
import * as v from 'valibot'
import { viewOf, type Accounts } from '../auth/accounts.ts'
import type { Env } from './env.ts'
import { body, query } from './body.ts'
import { byId, page } from './page.ts'

const text = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max))
const create = v.strictObject({
  username: text(256),
  password: v.pipe(v.string(), v.maxLength(1024)),
  admin: v.optional(v.boolean()),
})
const patch = v.strictObject({
  disabled: v.optional(v.boolean()),
  name: v.optional(text(256)),
  admin: v.optional(v.boolean()),
})
const list = v.strictObject({ ...byId.entries, username: v.optional(text(256)) })

/** Accounts: administrators list and change them, anybody may look up one exact name. */
export function userRoutes(accounts: Accounts): Hono<Env> {
  return new Hono<Env>()
    .get('/', async (c) => {
      const { username, ...asked } = query(c, list)
      if (username !== undefined) {
        const user = await accounts.find(username)
        return c.json({ data: user ? [shown(viewOf(user), c.get('principal'))] : [] })
      }
      requireAdmin(c.get('principal'))
      return c.json(page((await accounts.list(asked)).map(viewOf), asked.limit, (last) => last.user_id))
    })
    .post('/', async (c) => {
      requireAdmin(c.get('principal'))
      return c.json(viewOf(await accounts.create(await body(c, create))), 201)
    })
    .patch('/:id', async (c) => {
      const principal = c.get('principal')
      requireAdmin(principal)
      const { name, ...change } = await body(c, patch)
      if (c.req.param('id') === principal.user_id && (change.admin === false || change.disabled)) {
        throw new MeshError('CONFLICT', 'Administrators cannot lock themselves out')
      }
      const user = await accounts.update(c.req.param('id'), { ...defined(change), ...(name ? { username: name } : {}) })
      return c.json(viewOf(user))
    })
    .delete('/:id', async (c) => {
      requireAdmin(c.get('principal'))
      if (c.req.param('id') === c.get('principal').user_id) {
        throw new MeshError('CONFLICT', 'Administrators cannot lock themselves out')
      }
      await accounts.remove(c.req.param('id'))
      return c.body(null, 204)
    })
}

/** What is not given stays as it is. */
function defined(change: { disabled?: boolean | undefined; admin?: boolean | undefined }) {
  return {
    ...(change.disabled === undefined ? {} : { disabled: change.disabled }),
    ...(change.admin === undefined ? {} : { admin: change.admin }),
  }
}

/** Others learn the id that goes with a name, and no more. */
function shown(user: ReturnType<typeof viewOf>, principal: Principal): object {
  return principal.admin || user.user_id === principal.user_id
    ? user
    : { user_id: user.user_id, username: user.username }
}

function requireAdmin(principal: Principal): void {
  if (!principal.admin) throw new MeshError('ACCESS_DENIED', 'Only an administrator may do this')
}
