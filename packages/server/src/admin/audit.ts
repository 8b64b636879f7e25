import { auditActions, isId, type AuditAction } from '@mesh/core'
import * as v from 'valibot'
import type { MeshServer } from '../mesh-server.ts'
import { findRoom, findUser } from './find.ts'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
// The names of the table's own entries, which `Object.keys` forgets.
const actions = Object.keys(auditActions) as AuditAction[]

/** Which entries of the audit log are asked for. */
export const auditInput = v.strictObject({
  after: v.optional(count),
  limit: v.optional(v.pipe(count, v.minValue(1), v.maxValue(1000)), 100),
  latest: v.optional(v.boolean()),
  since: v.optional(count),
  /** By name or id, or `administrator`, `host` or `server`. */
  actor: v.optional(text),
  /** By name or id; one that was deleted by its id. */
  room: v.optional(text),
  action: v.optional(v.picklist(actions)),
})

/** A page of the audit log. @throws MeshError NOT_FOUND, ROOM_NOT_FOUND where a name is nobody's */
export async function listAudit(mesh: MeshServer, { actor, room, ...asked }: v.InferOutput<typeof auditInput>) {
  return mesh.storage.audit.list({
    ...asked,
    actor: actor === undefined || isNoName(actor) ? actor : (await findUser(mesh, actor)).user_id,
    room_id: room === undefined || isId('room', room) ? room : (await findRoom(mesh, room)).room_id,
  })
}

const isNoName = (actor: string) => isId('usr', actor) || ['administrator', 'host', 'server'].includes(actor)
