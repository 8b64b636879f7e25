import * as v from 'valibot'
import { field } from '@mesh/core'
import { targetOf } from '../auth/noted.ts'
import type { RevokeTarget } from '../auth/revoke.ts'
import { route } from './route.ts'

const text = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max))

/** For an application beside the server, which vouches for its own users over REST. */
export const hostRoutes = [
  route({
    method: 'post',
    path: '/host/tokens',
    name: 'mintToken',
    audit: { action: 'token.mint', note: (_call, { user_id }) => ({ target: user_id }) },
    summary: "An access token for a user of the administrator's own application, who needs no account.",
    auth: 'admin',
    body: v.strictObject({
      user: v.strictObject({ id: text(512), name: v.optional(text(256)), kind: v.optional(text(64)) }),
      session_id: v.optional(text(4096)),
      ttl_s: v.optional(v.pipe(field.count, v.minValue(1), v.maxValue(600))),
    }),
    status: 201,
    answer: v.strictObject({
      access_token: v.string(),
      token_type: v.literal('Bearer'),
      expires_in: field.count,
      user_id: field.userId,
    }),
    errors: ['AUTH_INVALID'],
    async handle({ app, body: { user, session_id, ttl_s } }) {
      const minted = await app.tokens.mint({ user, sessionId: session_id, ttl: ttl_s })
      return { ...minted, token_type: 'Bearer' as const }
    },
  }),
  route({
    method: 'post',
    path: '/host/revocations',
    name: 'revokeAccess',
    audit: { action: 'access.revoke', note: ({ app, body }) => targetOf(app.revoke, meantBy(body)) },
    summary: "Ends the access of a user or a session of the administrator's own application, at once and everywhere.",
    auth: 'admin',
    body: v.union([v.strictObject({ user_id: text(512) }), v.strictObject({ session_id: text(4096) })]),
    handle: ({ app, body }) => app.revoke(meantBy(body)),
  }),
]

function meantBy(body: { user_id: string } | { session_id: string }): RevokeTarget {
  return 'user_id' in body ? { userId: body.user_id } : { sessionId: body.session_id }
}
