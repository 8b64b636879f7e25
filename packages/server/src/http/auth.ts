import type { MiddlewareHandler } from 'hono'
import { Hono } from 'hono'
import * as v from 'valibot'
import { viewOf, type Accounts } from '../auth/accounts.ts'
import { body } from './body.ts'
import type { Env } from './env.ts'

const credentials = v.strictObject({
  username: v.pipe(v.string(), v.maxLength(256)),
  password: v.pipe(v.string(), v.maxLength(1024)),
})
const refresh = v.strictObject({ refresh_token: v.pipe(v.string(), v.maxLength(256)) })
const change = v.strictObject({
  current_password: credentials.entries.password,
  new_password: credentials.entries.password,
})

/** Login and what follows from it. */
export function authRoutes(accounts: Accounts, authenticated: MiddlewareHandler<Env>): Hono<Env> {
  return new Hono<Env>()
    .post('/login', async (c) => {
      const { username, password } = await body(c, credentials)
      const { user, ...tokens } = await accounts.login(username, password)
      return c.json({ ...tokens, user: viewOf(user) })
    })
    .post('/refresh', async (c) => c.json(await accounts.refresh((await body(c, refresh)).refresh_token)))
    .post('/logout', async (c) => {
      await accounts.logout((await body(c, refresh)).refresh_token)
      return c.body(null, 204)
    })
    .post('/password', authenticated, async (c) => {
      const { current_password, new_password } = await body(c, change)
      await accounts.changePassword(c.get('principal').user_id, current_password, new_password)
      return c.body(null, 204)
    })
}
