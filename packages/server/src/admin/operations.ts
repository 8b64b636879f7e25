import {
  field,
  inviteSchema,
  isMeshError,
  issuePath,
  MeshError,
  toInstant,
  type Invite,
  type Member,
  type Room,
} from '@mesh/core'
import * as v from 'valibot'
import { viewOf as userView } from '../auth/accounts.ts'
import { viewOfDevice } from '../http/views.ts'
import type { MeshServer } from '../mesh-server.ts'
import { auditInput, listAudit } from './audit.ts'
import { capabilityInput, grantCapability } from './capability.ts'
import { ringNames } from '../keys/key-ring.ts'
import { findRoom, findUser } from './find.ts'
import { inspectToken } from './inspect.ts'
import { listDeliveries, listNotifyTargets, testNotify } from './notify.ts'

/** What an operation returns: the object, or a page of a list with the id to go on after. */
export interface AdminResult<T = unknown> {
  data: T
  next?: string
}

interface Operation<S extends v.GenericSchema, T> {
  input: S
  /** Whether it may make the data directory and the database where there are none. */
  creates: boolean
  /** Whether it reads what is not the administrator's own, which the audit log notes; once for a list, at its first page. */
  reads: boolean
  run(mesh: MeshServer, input: v.InferOutput<S>): Promise<AdminResult<T>>
}

/** What cannot be asked for in words is refused when it is parsed; names are judged where they are kept. */
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const account = v.strictObject({ username: name, password: v.pipe(v.string(), v.maxLength(1024)) })
const page = v.strictObject({
  after: v.optional(name),
  limit: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(1000)), 100),
})

function operation<const S extends v.GenericSchema, T>(
  input: S,
  run: Operation<S, T>['run'],
  { creates = false, reads = false } = {},
): Operation<S, T> {
  return { input, run, creates, reads }
}

/** THE table of what an administrator may do from the machine itself, beyond every access rule but those of the data. */
export const operations = {
  setup: operation(
    account,
    async (mesh, first) => ({ data: userView(await mesh.setup.finish(first, { actor: 'administrator' })) }),
    { creates: true },
  ),

  'user.create': operation(
    v.strictObject({ ...account.entries, admin: v.optional(v.boolean()) }),
    async ({ administrator }, account) => ({ data: userView(await administrator.accounts.create(account)) }),
    { creates: true },
  ),

  'user.list': operation(
    page,
    async ({ accounts }, asked) => {
      const users = await accounts.list(asked)
      return { data: users.map(userView), ...nextOf(users.at(-1)?.user_id, users.length, asked.limit) }
    },
    { reads: true },
  ),

  'device.list': operation(
    v.strictObject({ ...page.entries, user: v.optional(name) }),
    async (mesh, { user, ...asked }) => {
      const user_id = user === undefined ? undefined : (await findUser(mesh, user)).user_id
      const devices = await mesh.devices.list({ ...asked, user_id })
      return {
        data: devices.map(viewOfDevice),
        ...nextOf(devices.at(-1)?.device_id, devices.length, asked.limit),
      }
    },
    { reads: true },
  ),

  'device.revoke': operation(v.strictObject({ device: name }), async ({ administrator }, { device }) => {
    if (!(await administrator.devices.revoke(device))) throw new MeshError('NOT_FOUND', 'No such device')
    return { data: { device_id: device } }
  }),

  'room.create': operation(v.strictObject({ name, owner: name }), async (mesh, { name, owner }) => {
    const { user_id } = await findUser(mesh, owner)
    return { data: roomView(await mesh.rooms.create(user_id, name, 'administrator')) }
  }),

  'room.list': operation(
    page,
    async ({ rooms }, asked) => {
      const found = await rooms.list('administrator', asked)
      return { data: found.map(roomView), ...nextOf(found.at(-1)?.room_id, found.length, asked.limit) }
    },
    { reads: true },
  ),

  'member.add': operation(
    v.strictObject({ room: name, user: name, role: v.optional(field.role, 'member') }),
    async (mesh, { role, ...which }) => {
      const { room_id, user_id, member } = await resolve(mesh, which)
      if (member) {
        throw new MeshError('CONFLICT', `Already in the room as ${member.role}`, { reason: 'already_member' })
      }
      return { data: memberView(await mesh.rooms.setMember('administrator', room_id, user_id, role)) }
    },
  ),

  'member.invite': operation(
    v.strictObject({ room: name, ...inviteSchema.entries }),
    async (mesh, { room, ...wanted }) => {
      const { room_id } = await findRoom(mesh, room)
      const { invite, code } = await mesh.invites.create('administrator', room_id, wanted)
      return { data: { ...inviteView(invite), code } }
    },
  ),

  'member.list': operation(
    v.strictObject({ room: name }),
    async (mesh, { room }) => {
      const { room_id } = await findRoom(mesh, room)
      return { data: (await mesh.rooms.members('administrator', room_id)).map(memberView) }
    },
    { reads: true },
  ),

  'member.remove': operation(v.strictObject({ room: name, user: name }), async (mesh, which) => {
    const { room_id, user_id } = await resolve(mesh, which)
    await mesh.rooms.removeMember('administrator', room_id, user_id)
    return { data: { room_id, user_id } }
  }),

  'member.set-role': operation(
    v.strictObject({ room: name, user: name, role: field.role }),
    async (mesh, { role, ...which }) => {
      const { room_id, user_id, member } = await resolve(mesh, which)
      if (!member) throw new MeshError('NOT_FOUND', 'No such member')
      return { data: memberView(await mesh.rooms.setMember('administrator', room_id, user_id, role)) }
    },
  ),

  'keys.list': operation(v.strictObject({}), async ({ keys }) => ({ data: await keys.list() })),

  'keys.rotate': operation(
    v.strictObject({ ring: v.optional(v.picklist(ringNames)), force: v.optional(v.boolean()) }),
    async ({ keys }, asked) => ({ data: (await keys.rotate(asked)).filter(({ state }) => state === 'current') }),
  ),

  'keys.revoke': operation(
    v.strictObject({ kids: v.union([v.literal('all'), v.pipe(v.array(name), v.minLength(1), v.maxLength(100))]) }),
    async ({ keys }, { kids }) => {
      const meant = kids === 'all' ? (await keys.list()).map(({ kid }) => kid) : kids
      return { data: (await keys.revoke(...meant)).filter(({ kid }) => meant.includes(kid)) }
    },
  ),

  'notify.set': operation(
    v.strictObject({ user: name, token: v.nullable(v.pipe(v.string(), v.maxLength(1024))) }),
    async (mesh, { user, token }) => {
      const { user_id, username } = await findUser(mesh, user)
      await (token === null ? mesh.notifications.remove(user_id) : mesh.notifications.set(user_id, token))
      return { data: { user_id, username } }
    },
  ),

  'notify.test': operation(v.strictObject({ user: name }), async (mesh, { user }) => ({
    data: await testNotify(mesh, user),
  })),

  'notify.list': operation(
    page,
    async (mesh, asked) => {
      const targets = await listNotifyTargets(mesh, asked)
      return { data: targets, ...nextOf(targets.at(-1)?.user_id, targets.length, asked.limit) }
    },
    { reads: true },
  ),

  'notify.deliveries': operation(
    v.strictObject({ state: v.picklist(['waiting', 'dead']), limit: page.entries.limit }),
    async (mesh, asked) => ({ data: await listDeliveries(mesh, asked) }),
    { reads: true },
  ),

  'audit.list': operation(auditInput, async (mesh, asked) => ({ data: await listAudit(mesh, asked) }), { reads: true }),

  'audit.head': operation(v.strictObject({}), async ({ storage }) => ({ data: await storage.audit.head() }), {
    reads: true,
  }),

  'token.capability': operation(capabilityInput, async (mesh, input) => ({ data: await grantCapability(mesh, input) })),

  'token.inspect': operation(
    v.strictObject({ token: v.pipe(v.string(), v.maxLength(16_384)) }),
    async (mesh, input) => ({
      data: await inspectToken(mesh, input.token),
    }),
  ),
}

type Operations = typeof operations

/** The name of an operation. */
export type AdminOperation = keyof Operations

/** What an operation is asked with. */
export type AdminInput<K extends AdminOperation> = v.InferInput<Operations[K]['input']>

/** What an operation returns. */
export type AdminOutput<K extends AdminOperation> = Awaited<ReturnType<Operations[K]['run']>>

/** The operation of a name, if there is one. */
export function operationOf(name: unknown): Operation<v.GenericSchema, unknown> | undefined {
  if (typeof name !== 'string' || !Object.hasOwn(operations, name)) return undefined
  // Each entry runs on what its own schema lets through; the union of them all cannot say that.
  return operations[name as AdminOperation] as unknown as Operation<v.GenericSchema, unknown>
}

/**
 * Checks what was asked and does it.
 * @throws MeshError BAD_MESSAGE for an unknown operation or unfit input, and whatever the operation itself refuses
 */
export async function perform(mesh: MeshServer, name: unknown, input: unknown): Promise<AdminResult> {
  const wanted = operationOf(name)
  if (!wanted) throw new MeshError('BAD_MESSAGE', 'No such operation', { reason: 'unknown_operation' })
  const parsed = v.safeParse(wanted.input, input, { abortEarly: true })
  if (!parsed.success) {
    const path = issuePath(parsed.issues[0])
    throw new MeshError('BAD_MESSAGE', path === undefined ? undefined : `The ${path} is missing or not valid`, {
      reason: 'input',
      ...(path === undefined ? {} : { path }),
    })
  }
  if (wanted.reads && !isFurtherPage(parsed.output)) {
    void mesh.engine.audit({ action: 'admin.read', outcome: 'ok', actor: 'administrator', request: String(name) })
  }
  return wanted.run(mesh, parsed.output)
}

function isFurtherPage(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'after' in input
}

/** What went wrong, as something to pass on; a fault of ours keeps its own words for the log. */
export function toMeshError(error: unknown): MeshError {
  return isMeshError(error) ? error : new MeshError('INTERNAL')
}

async function resolve(mesh: MeshServer, which: { room: string; user: string }) {
  const { room_id } = await findRoom(mesh, which.room)
  const { user_id } = await findUser(mesh, which.user)
  return { room_id, user_id, member: await mesh.storage.rooms.member(room_id, user_id) }
}

const nextOf = (last: string | undefined, found: number, limit: number): { next?: string } =>
  found < limit || last === undefined ? {} : { next: last }

function roomView({ room_id, name, owner_user_id, created_at }: Room) {
  return { room_id, name, owner_user_id, created_at: toInstant(created_at) }
}

function memberView({ room_id, user_id, username, role, created_at }: Member) {
  return { room_id, user_id, username, role, created_at: toInstant(created_at) }
}

function inviteView({ invite_id, room_id, role, max_uses, expires_at }: Invite) {
  return { invite_id, room_id, role, max_uses, expires_at: toInstant(expires_at) }
}
