import { capabilityFields, field, MeshError, ownPeer, type Grantee, type Principal } from '@mesh/core'
import * as v from 'valibot'
import { route, type Services } from './route.ts'
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
    summary:
      'A capability token for a live peer of the caller, or for a device, connected or not (`for`), granted whole or refused.',
    auth: 'bearer',
    class: 'capability',
    body: v.strictObject({ for: v.union([field.peerId, field.deviceId]), ...capabilityFields }),
    status: 201,
    answer: capabilityView,
    errors: ['ACCESS_DENIED', 'NOT_FOUND'],
    async handle({ app, principal, params: { room_id }, body: { for: sub, ...request } }) {
      const { mesh } = app
      const { room, member } = await mesh.rooms.authorize(principal, room_id, 'capability')
      // A user is never without a membership here: only the administrator is let through without one.
      if (!member) throw new MeshError('ACCESS_DENIED')
      const grantee = ownPeer(mesh.peersOf, principal, sub) ?? (await ownDevice(app, principal, sub))
      return mesh.grant({ room_id, ...request }, sub, grantee, { room, member })
    },
  }),
]

/** A device of the caller's that is away; somebody else's, to a device any other, is as unknown as one that is not there. */
async function ownDevice({ devices }: Services, { user_id, device_id }: Principal, id: string): Promise<Grantee> {
  const grantee = device_id === undefined || device_id === id ? await devices.granteeOf(id) : undefined
  if (grantee?.user_id !== user_id) throw new MeshError('NOT_FOUND', 'No such peer or device of yours')
  return grantee
}
