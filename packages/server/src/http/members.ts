import { capabilityFields, field, MeshError, ownPeer } from '@mesh/core'
import * as v from 'valibot'
import { route } from './route.ts'
import { capabilityView, memberView, viewOfMember } from './views.ts'

/** The members of a room, and the tokens that say what their peers may do in it. */
export const memberRoutes = [
  route({
    method: 'get',
    path: '/rooms/:room_id/members',
    name: 'listMembers',
    summary: 'Every member of a room.',
    auth: 'bearer',
    answer: v.strictObject({ data: v.array(memberView) }),
    errors: ['ACCESS_DENIED'],
    async handle({ app, principal, params }) {
      return { data: (await app.mesh.rooms.members(principal, params.room_id)).map(viewOfMember) }
    },
  }),
  route({
    method: 'put',
    path: '/rooms/:room_id/members/:user_id',
    name: 'setMember',
    summary: 'Adds a member or changes its role. A room keeps an owner.',
    auth: 'bearer',
    body: v.strictObject({ role: field.role }),
    answer: memberView,
    errors: ['ACCESS_DENIED', 'CONFLICT'],
    handle: async ({ app, principal, params: { room_id, user_id }, body }) =>
      viewOfMember(await app.mesh.rooms.setMember(principal, room_id, user_id, body.role)),
  }),
  route({
    method: 'delete',
    path: '/rooms/:room_id/members/:user_id',
    name: 'removeMember',
    summary: 'Removes a member, at once; anybody may remove themselves. A room keeps an owner.',
    auth: 'bearer',
    errors: ['ACCESS_DENIED', 'CONFLICT'],
    handle: ({ app, principal, params: { room_id, user_id } }) =>
      app.mesh.rooms.removeMember(principal, room_id, user_id),
  }),
  route({
    method: 'post',
    path: '/rooms/:room_id/capabilities',
    name: 'grantCapabilities',
    summary: 'A capability token for a live peer or device of the caller (`for`), granted whole or refused.',
    auth: 'bearer',
    body: v.strictObject({ for: v.union([field.peerId, field.deviceId]), ...capabilityFields }),
    status: 201,
    answer: capabilityView,
    errors: ['ACCESS_DENIED', 'NOT_FOUND'],
    async handle({ app: { mesh }, principal, params: { room_id }, body: { for: sub, ...request } }) {
      const { room, member } = await mesh.rooms.authorize(principal, room_id, 'capability')
      // A user is never without a membership here: only the administrator is let through without one.
      if (!member) throw new MeshError('ACCESS_DENIED')
      const peer = ownPeer(mesh.peers, principal, sub)
      if (!peer) throw new MeshError('NOT_FOUND', 'No such peer of yours')
      return mesh.grant({ room_id, ...request }, sub, peer, { room, member })
    },
  }),
]
