import { field, MeshError, toInstant, type Device, type Principal } from '@mesh/core'
import * as v from 'valibot'
import { byId, listOf, page } from './page.ts'
import { route } from './route.ts'
import { deviceView, tokenView, viewOfDevice } from './views.ts'

/** The public half of an Ed25519 key (RFC 8037), as Node, browsers and jose export it. A private half is refused. */
const publicJwk = v.strictObject({
  kty: v.literal('OKP'),
  crv: v.literal('Ed25519'),
  // 32 bytes in the one spelling that they have.
  x: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/)),
  kid: v.optional(v.pipe(v.string(), v.maxLength(256))),
  alg: v.optional(v.picklist(['EdDSA', 'Ed25519'])),
  use: v.optional(v.literal('sig')),
  key_ops: v.optional(v.array(v.literal('verify'))),
  ext: v.optional(v.boolean()),
})

/** Agents: how a device is added to a user's, how it gets in, and how it is thrown out. */
export const deviceRoutes = [
  route({
    method: 'post',
    path: '/auth/device',
    name: 'loginDevice',
    audit: { action: 'auth.device', note: (_call, { user_id, device_id }) => ({ actor: user_id, device_id }) },
    summary:
      'An access token for an assertion that a device signed with its key. It is good once; the device signs again when the token ends.',
    auth: 'none',
    limit: 'assertion',
    body: v.strictObject({ assertion: field.token }),
    answer: v.strictObject({
      ...v.omit(tokenView, ['refresh_token']).entries,
      device_id: field.deviceId,
      user_id: field.userId,
    }),
    errors: ['AUTH_INVALID', 'AUTH_EXPIRED'],
    handle: ({ app, body }) => app.devices.login(body.assertion),
  }),
  route({
    method: 'post',
    path: '/devices/enrolments',
    name: 'createEnrolment',
    audit: { action: 'device.enrolment' },
    summary: 'A code with which one device is added to the caller’s own, within ten minutes.',
    auth: 'bearer',
    status: 201,
    answer: v.strictObject({ code: v.string(), expires_at: field.instant }),
    errors: ['ACCESS_DENIED'],
    async handle({ app, principal: { user_id, device_id }, confirm }) {
      // A stolen device must not be worth more than itself.
      if (device_id !== undefined) throw new MeshError('ACCESS_DENIED', 'A device adds no devices')
      const { code, expires_at } = await app.devices.invite(user_id)
      await confirm().catch(async (error: unknown) => {
        await app.storage.enrolments.forget(user_id)
        throw error
      })
      return { code, expires_at: toInstant(expires_at) }
    },
  }),
  route({
    method: 'post',
    path: '/devices/enrol',
    name: 'enrolDevice',
    audit: { action: 'device.enrol', note: (_call, { device_id, user_id }) => ({ actor: user_id, target: device_id }) },
    summary: 'Adds the device that has a code, with the public half of its Ed25519 key. A code is good once.',
    auth: 'none',
    limit: 'enrol',
    body: v.strictObject({
      code: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
      name: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
      public_jwk: publicJwk,
    }),
    status: 201,
    answer: deviceView,
    errors: ['AUTH_INVALID', 'CONFLICT'],
    handle: async ({ app, body: { code, name, public_jwk } }) =>
      viewOfDevice(await app.devices.enrol({ code, name, public_key: public_jwk.x })),
  }),
  route({
    method: 'get',
    path: '/devices',
    name: 'listDevices',
    summary:
      'The caller’s devices, those with an expired key too; with `user_id`, for administrators, those of a user. A device sees itself.',
    auth: 'bearer',
    query: v.strictObject({ ...byId.entries, user_id: v.optional(field.userId) }),
    answer: listOf(deviceView),
    errors: ['ACCESS_DENIED'],
    async handle({ app, principal, query: { user_id = principal.user_id, ...asked } }) {
      if (user_id !== principal.user_id && !principal.admin) throw new MeshError('ACCESS_DENIED')
      if (principal.device_id !== undefined) {
        const itself = await app.devices.find(principal.device_id)
        return { data: itself ? [viewOfDevice(itself)] : [] }
      }
      const devices = await app.devices.list({ ...asked, user_id })
      return page(devices.map(viewOfDevice), asked.limit, (last) => last.device_id)
    },
  }),
  route({
    method: 'delete',
    path: '/devices/:device_id',
    name: 'deleteDevice',
    audit: { action: 'device.revoke', note: ({ params }) => ({ target: params.device_id }) },
    summary:
      'Forgets a device of the caller’s, for administrators of anybody’s: its connections, sessions and tokens end at once.',
    auth: 'bearer',
    async handle({ app, principal, params: { device_id } }) {
      const device = await app.storage.devices.find(device_id)
      if (!device || !isOwn(principal, device)) throw new MeshError('NOT_FOUND', 'No such device of yours')
      await app.devices.revoke(device_id)
    },
  }),
]

/** Whether somebody may see and remove a device. To a device even the others of its user are somebody else's. */
function isOwn({ user_id, device_id, admin }: Principal, device: Pick<Device, 'user_id' | 'device_id'>): boolean {
  if (device_id !== undefined) return device.device_id === device_id
  return admin === true || device.user_id === user_id
}
