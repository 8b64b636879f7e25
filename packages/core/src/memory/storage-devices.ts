import type { Device, DeviceStore, Enrolment, EnrolmentStore } from '../ports/index.ts'
import { keyOf, type OpenTables } from './storage-tables.ts'

/** The devices of the memory storage. */
export function createDevices(open: OpenTables): DeviceStore {
  return {
    async find(device_id) {
      const device = open().devices.get(device_id)
      return device && { ...device }
    },

    async list({ user_id, after, limit }) {
      return [...open().devices.values()]
        .filter((device) => user_id === undefined || device.user_id === user_id)
        .filter((device) => after === undefined || device.device_id > after)
        .sort((a, b) => (a.device_id < b.device_id ? -1 : 1))
        .slice(0, limit)
        .map((device) => ({ ...device }))
    },

    async remove(which) {
      const { devices, enrolments } = open()
      const meant = [...devices.values()].filter((device) =>
        'device_id' in which ? device.device_id === which.device_id : device.user_id === which.user_id,
      )
      for (const { device_id } of meant) devices.delete(device_id)
      if ('user_id' in which) forgetCodes(enrolments, which.user_id)
      return meant.map(({ device_id }) => device_id).sort()
    },

    async spend({ device_id, jti, now, keep_until, max }) {
      const { devices, assertions } = open()
      const device = devices.get(device_id)
      if (!device) return 'missing'
      for (const [key, used] of assertions) if (used.keep_until <= now) assertions.delete(key)
      const key = keyOf(device_id, jti)
      if (assertions.has(key)) return 'replayed'
      if ([...assertions.values()].filter((used) => used.device_id === device_id).length >= max) return 'full'
      assertions.set(key, { device_id, keep_until })
      see(device, now)
      return 'spent'
    },

    async seen(device_ids, at) {
      const { devices } = open()
      for (const device_id of device_ids) see(devices.get(device_id), at)
    },
  }
}

/** The codes for more devices of the memory storage. */
export function createEnrolments(open: OpenTables): EnrolmentStore {
  return {
    async create(enrolment, max) {
      const { enrolments, users } = open()
      if (!users.has(enrolment.user_id)) throw new Error('The user of an enrolment must exist')
      for (const [hash, { expires_at }] of enrolments) if (expires_at <= enrolment.created_at) enrolments.delete(hash)
      if ([...enrolments.values()].filter(({ user_id }) => user_id === enrolment.user_id).length >= max) return 'full'
      enrolments.set(enrolment.code_hash, { ...enrolment })
      return 'created'
    },

    async forget(user_id) {
      forgetCodes(open().enrolments, user_id)
    },

    async redeem(code_hash, { device_id, name, public_key, jkt, created_at, expires_at }, max) {
      const { devices, enrolments, users } = open()
      const enrolment = enrolments.get(code_hash)
      const user = enrolment && users.get(enrolment.user_id)
      if (!enrolment || enrolment.expires_at <= created_at || !user || user.disabled) return { outcome: 'unknown' }
      const { user_id } = user
      if ([...devices.values()].filter((device) => device.user_id === user_id).length >= max) return { outcome: 'full' }
      const device = { device_id, user_id, name, public_key, jkt, created_at, expires_at, last_seen: null }
      enrolments.delete(code_hash)
      devices.set(device_id, device)
      return { outcome: 'enrolled', device: { ...device } }
    },
  }
}

function forgetCodes(enrolments: Map<string, Enrolment>, of: string): void {
  for (const [hash, { user_id }] of enrolments) if (user_id === of) enrolments.delete(hash)
}

function see(device: Device | undefined, at: number): void {
  if (device && (device.last_seen ?? 0) < at) device.last_seen = at
}
