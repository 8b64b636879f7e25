import * as v from 'valibot'
import { viewOf } from '../auth/accounts.ts'
import { route } from './route.ts'
import { tokenView, userView } from './views.ts'

/** A name and a password, as they are given. */
export const credentials = v.strictObject({
  username: v.pipe(v.string(), v.maxLength(256)),
  password: v.pipe(v.string(), v.maxLength(1024)),
})
const refresh = v.strictObject({ refresh_token: v.pipe(v.string(), v.maxLength(256)) })

/** Login and what follows from it. */
export const authRoutes = [
  route({
    method: 'post',
    path: '/auth/login',
    name: 'login',
    audit: { action: 'auth.login', note: (_call, { user }) => ({ actor: user.user_id }) },
    summary: 'Logs in. An unknown name and a wrong password are answered alike.',
    auth: 'none',
    limit: 'login',
    body: credentials,
    answer: v.strictObject({ ...tokenView.entries, user: userView }),
    errors: ['AUTH_INVALID'],
    async handle({ app, body: { username, password }, network }) {
      const { user, ...tokens } = await app.accounts.login(username, password, network)
      return { ...tokens, user: viewOf(user) }
    },
  }),
  route({
    method: 'post',
    path: '/auth/refresh',
    name: 'refresh',
    audit: { action: 'auth.refresh', note: () => undefined },
    summary:
      'Fresh tokens. A refresh token is good once: using one again ends the login, but for 30 s it may be tried again, as long as nothing of its answer was used.',
    auth: 'none',
    limit: 'refresh',
    body: refresh,
    answer: tokenView,
    errors: ['AUTH_INVALID'],
    handle: ({ app, body, network }) => app.accounts.refresh(body.refresh_token, network),
  }),
  route({
    method: 'post',
    path: '/auth/logout',
    name: 'logout',
    // What ended, is noted where it is known whose it was.
    audit: { action: 'auth.logout', note: () => undefined },
    summary: 'Ends a login with its connections.',
    auth: 'none',
    limit: 'refresh',
    body: refresh,
    errors: ['AUTH_INVALID'],
    handle: ({ app, body, network }) => app.accounts.logout(body.refresh_token, network),
  }),
  route({
    method: 'post',
    path: '/auth/password',
    name: 'changePassword',
    audit: { action: 'auth.password' },
    summary: 'Changes the password, and ends every login of the user.',
    auth: 'bearer',
    limit: 'password',
    body: v.strictObject({
      current_password: credentials.entries.password,
      new_password: credentials.entries.password,
    }),
    handle: ({ app, principal, body: { current_password: current, new_password: next }, network }) =>
      app.accounts.changePassword(principal.user_id, { current, next }, network),
  }),
]
