import {
  capabilityFields,
  field,
  MeshError,
  policySchema,
  toInstant,
  type Member,
  type Mesh,
  type Principal,
  type Room,
  type RoomEvent,
} from '@mesh/core'
import { Hono } from 'hono'
import * as v from 'valibot'
import type { Env } from './env.ts'
import { body, query } from './body.ts'
import { beforeSeq, byId, bySeq, page } from './page.ts'

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const create = v.strictObject({ name })
const patch = v.strictObject({ name: v.optional(name), policy: v.optional(policySchema) })
const member = v.strictObject({ role: field.role })
const capability = v.strictObject({ for: v.union([field.peerId, field.deviceId]), ...capabilityFields })

/** Rooms, their members, their history, and capability tokens. */
export function roomRoutes(mesh: Mesh): Hono<Env> {
  const { rooms } = mesh
  return new Hono<Env>()
    .post('/', async (c) => {
      const room = await rooms.create(c.get('principal').user_id, (await body(c, create)).name)
      return c.json(viewOf(room), 201)
    })
    .get('/', async (c) => {
      const asked = query(c, byId)
      return c.json(
        page((await rooms.list(c.get('principal'), asked)).map(viewOf), asked.limit, (last) => last.room_id),
      )
    })
    .get('/:id', async (c) => c.json(viewOf(await rooms.get(c.get('principal'), c.req.param('id')))))
    .patch('/:id', async (c) =>
      c.json(viewOf(await rooms.update(c.get('principal'), c.req.param('id'), await body(c, patch)))),
    )
    .delete('/:id', async (c) => {
      await rooms.delete(c.get('principal'), c.req.param('id'))
      return c.body(null, 204)
    })
    .get('/:id/members', async (c) =>
      c.json({ data: (await rooms.members(c.get('principal'), c.req.param('id'))).map(memberView) }),
    )
    .put('/:id/members/:user_id', async (c) => {
      const { role } = await body(c, member)
      const { id, user_id } = c.req.param()
      return c.json(memberView(await rooms.setMember(c.get('principal'), id, user_id, role)))
    })
    .delete('/:id/members/:user_id', async (c) => {
      const { id, user_id } = c.req.param()
      await rooms.removeMember(c.get('principal'), id, user_id)
      return c.body(null, 204)
    })
    .get('/:id/events', async (c) => {
      const asked = query(c, bySeq)
      const events = await rooms.events(c.get('principal'), c.req.param('id'), asked)
      return c.json(page(events.map(eventView), asked.limit, (last) => last.seq))
    })
    .get('/:id/messages', async (c) => {
      const { before_seq, limit } = query(c, beforeSeq)
      const messages = await rooms.messages(c.get('principal'), c.req.param('id'), { before: before_seq, limit })
      return c.json(
        page(
          messages.map(({ payload, seq }) => ({ ...payload, seq })),
          limit,
          (last) => last.seq,
        ),
      )
    })
    .post('/:id/capabilities', async (c) => {
      const { for: sub, ...request } = await body(c, capability)
      const room_id = c.req.param('id')
      const { room, member } = await rooms.authorize(c.get('principal'), room_id, 'capability')
      // A user is never without a membership here: only the administrator is let through without one.
      if (!member) throw new MeshError('ACCESS_DENIED')
      const peer = ownPeer(mesh, c.get('principal'), sub)
      return c.json(await mesh.grant({ room_id, ...request }, sub, peer, { room, member }), 201)
    })
}

/**
 * The live peer that a token is asked for; somebody else's is as unknown as one that is not there. To a device even the
 * other devices of its user are somebody else's, so that a stolen one opens no more than itself.
 */
function ownPeer(mesh: Mesh, { user_id, device_id }: Principal, id: string) {
  const own = [...mesh.peers.values()].find(
    (peer) =>
      (peer.peer_id === id || peer.device_id === id) &&
      peer.user_id === user_id &&
      (device_id === undefined || peer.device_id === device_id),
  )
  if (!own) throw new MeshError('NOT_FOUND', 'No such peer of yours')
  return own
}

function viewOf({ room_id, name, owner_user_id, created_at, policy, seq }: Room) {
  return { room_id, name, owner_user_id, created_at: toInstant(created_at), policy, seq }
}

function memberView({ room_id, user_id, username, role, created_at }: Member) {
  return { room_id, user_id, username, role, created_at: toInstant(created_at) }
}

function eventView({ seq, id, type, at, from, room_id, payload }: RoomEvent) {
  return { seq, type, id, timestamp: toInstant(at), from, to: room_id, payload: { ...payload, seq } }
}
