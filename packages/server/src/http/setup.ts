import * as v from 'valibot'
import { viewOf } from '../auth/accounts.ts'
import { credentials } from './auth.ts'
import { route } from './route.ts'
import { userView } from './views.ts'

/** How a server gets its first administrator. */
export const setupRoutes = [
  route({
    method: 'post',
    path: '/setup',
    name: 'setUp',
    summary:
      'Makes the first administrator, for the code that the server printed when it started. There is no such route once there is an administrator.',
    auth: 'none',
    limit: 'setup',
    exists: ({ setup }) => setup.isOpen(),
    body: v.strictObject({ code: v.pipe(v.string(), v.maxLength(64)), ...credentials.entries }),
    status: 201,
    answer: userView,
    errors: ['AUTH_INVALID', 'CONFLICT', 'NOT_FOUND'],
    handle: async ({ app, body: { code, ...account }, network }) => viewOf(await app.setup.use(code, account, network)),
  }),
]
