import { field } from '@mesh/core'
import * as v from 'valibot'
import { route } from './route.ts'
import { iceServersView } from './views.ts'

/** The STUN and TURN servers by which peers find a path to each other. */
export const iceServerRoutes = [
  route({
    method: 'post',
    path: '/ice-servers',
    name: 'renewIceServers',
    summary:
      'Fresh STUN and TURN servers for a live capability token of a peer or device of the caller; none where the server has none. 6 at once from each user, then 6 a minute.',
    auth: 'bearer',
    body: v.strictObject({ cap_token: v.optional(field.token) }),
    answer: iceServersView,
    errors: ['CAP_REQUIRED', 'CAP_EXPIRED', 'CAP_INVALID', 'ROOM_NOT_FOUND', 'ACCESS_DENIED'],
    handle: ({ app, principal, body }) => app.mesh.renewIceServers(principal, body.cap_token),
  }),
]
