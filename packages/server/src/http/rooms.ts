import { policySchema } from '@mesh/core'
import * as v from 'valibot'
import { byId, listOf, page } from './page.ts'
import { route } from './route.ts'
import { roomView, viewOfRoom } from './views.ts'

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(256))

/** Rooms. */
export const roomRoutes = [
  route({
    method: 'post',
    path: '/rooms',
    name: 'createRoom',
    summary: 'Makes a room; who makes it is its owner.',
    auth: 'bearer',
    body: v.strictObject({ name }),
    status: 201,
    answer: roomView,
    errors: ['ACCESS_DENIED', 'NOT_FOUND'],
    handle: async ({ app, principal, body }) =>
      viewOfRoom(await app.mesh.rooms.create(principal.user_id, body.name, principal)),
  }),
  route({
    method: 'get',
    path: '/rooms',
    name: 'listRooms',
    summary: 'The rooms one is a member of.',
    auth: 'bearer',
    query: byId,
    answer: listOf(roomView),
    async handle({ app, principal, query }) {
      const rooms = await app.mesh.rooms.list(principal, query)
      return page(rooms.map(viewOfRoom), query.limit, (last) => last.room_id)
    },
  }),
  route({
    method: 'get',
    path: '/rooms/:room_id',
    name: 'getRoom',
    summary: 'A room.',
    auth: 'bearer',
    answer: roomView,
    errors: ['ACCESS_DENIED'],
    handle: async ({ app, principal, params }) => viewOfRoom(await app.mesh.rooms.get(principal, params.room_id)),
  }),
  route({
    method: 'patch',
    path: '/rooms/:room_id',
    name: 'updateRoom',
    summary: 'Changes name or policy; what is left out stays.',
    auth: 'bearer',
    body: v.strictObject({ name: v.optional(name), policy: v.optional(policySchema) }),
    answer: roomView,
    errors: ['ACCESS_DENIED'],
    handle: async ({ app, principal, params, body }) =>
      viewOfRoom(await app.mesh.rooms.update(principal, params.room_id, body)),
  }),
  route({
    method: 'delete',
    path: '/rooms/:room_id',
    name: 'deleteRoom',
    summary: 'Deletes a room with all that was said in it.',
    auth: 'bearer',
    errors: ['ACCESS_DENIED'],
    handle: ({ app, principal, params }) => app.mesh.rooms.delete(principal, params.room_id),
  }),
]
