import { inviteSchema } from '@mesh/core'
import * as v from 'valibot'
import { byId, listOf, page } from './page.ts'
import { route } from './route.ts'
import { inviteView, memberView, viewOfInvite, viewOfMember } from './views.ts'

/** Invitations into rooms. */
export const inviteRoutes = [
  route({
    method: 'post',
    path: '/rooms/:room_id/invites',
    name: 'createInvite',
    summary:
      'Makes an invitation: for 7 days and one person unless told. Its `code` is shown here only. Members may invite guests, owners anybody.',
    auth: 'bearer',
    body: inviteSchema,
    status: 201,
    answer: v.strictObject({ ...inviteView.entries, code: v.string() }),
    errors: ['ACCESS_DENIED', 'CONFLICT'],
    async handle({ app, principal, params, body }) {
      const { invite, code } = await app.mesh.invites.create(principal, params.room_id, body)
      return { ...viewOfInvite(invite), code }
    },
  }),
  route({
    method: 'get',
    path: '/rooms/:room_id/invites',
    name: 'listInvites',
    summary: 'The invitations that still let somebody in, for owners.',
    auth: 'bearer',
    query: byId,
    answer: listOf(inviteView),
    errors: ['ACCESS_DENIED'],
    async handle({ app, principal, params, query }) {
      const invites = await app.mesh.invites.list(principal, params.room_id, query)
      return page(invites.map(viewOfInvite), query.limit, (last) => last.invite_id)
    },
  }),
  route({
    method: 'delete',
    path: '/rooms/:room_id/invites/:invite_id',
    name: 'revokeInvite',
    summary: 'Takes an invitation back; whoever has come in by it stays.',
    auth: 'bearer',
    errors: ['ACCESS_DENIED'],
    handle: ({ app, principal, params }) => app.mesh.invites.revoke(principal, params.room_id, params.invite_id),
  }),
  route({
    method: 'post',
    path: '/invites/:code/accept',
    name: 'acceptInvite',
    summary: 'Makes the caller a member. A member already stays what they are, and no use is counted.',
    auth: 'bearer',
    limit: 'invite',
    answer: memberView,
    async handle({ app: { mesh, attempts }, principal, params }) {
      const { user_id } = principal
      // By user as well: one account may call from many addresses.
      attempts.take('invite', user_id)
      const member = await mesh.invites.accept(user_id, params.code, principal)
      attempts.giveBack('invite', user_id)
      return viewOfMember(member)
    },
  }),
]
