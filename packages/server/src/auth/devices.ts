import { createHash, randomInt } from 'node:crypto'
import {
  assertionLifeS,
  cleanName,
  issueAccess,
  leewayS,
  MeshError,
  randomIds,
  thumbprintOf,
  verifyAssertion,
  type AccessClaims,
  type Device,
  type Grantee,
  type Keyring,
  type Limits,
  type Principal,
  type Selector,
  type Storage,
  type Verified,
} from '@mesh/core'

/** How many assertions of one device may be remembered at once: one each ten minutes is what a device needs. */
const assertionsPerDevice = 64

/** What a device gets for its assertion; it signs another one before this ends. `expires_in` in seconds. */
export interface DeviceToken {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  device_id: string
  user_id: string
}

/** Agents: devices of users that prove who they are with a key of their own, which never leaves them. */
export interface Devices {
  /** A one-time code with which a device is added to a user's. @throws MeshError RATE_LIMITED when too many wait */
  invite(user_id: string): Promise<{ code: string; expires_at: number }>
  /**
   * Adds the device that has a code. `public_key` is the `x` of its Ed25519 JWK. Nothing proves here that it has the private
   * half; until it signs with that, it can do nothing.
   * @throws MeshError AUTH_INVALID for a code that is not good, BAD_MESSAGE for an unfit name, CONFLICT for a device too many
   */
  enrol(request: { code: string; name: string; public_key: string }): Promise<Device>
  /** An access token for an assertion, which is good once. @throws MeshError AUTH_INVALID, AUTH_EXPIRED, RATE_LIMITED */
  login(assertion: string): Promise<DeviceToken>
  /** Who a device’s access token stands for, now. @throws MeshError AUTH_INVALID */
  recognise(claims: Verified<AccessClaims>): Promise<Principal>
  /** Finds a device whose key is still good. */
  find(device_id: string): Promise<Device | undefined>
  /** Whom a capability token for a device is bound to, connected or not, as long as its key is good. */
  granteeOf(device_id: string): Promise<Grantee | undefined>
  /** Devices by ascending id, of one user or of all, those with an expired key too. */
  list(page: { user_id?: string | undefined; after?: string | undefined; limit: number }): Promise<Device[]>
  /** Forgets a device and ends all it does, at once. False when there was none. */
  revoke(device_id: string): Promise<boolean>
}

/** @see Devices */
export function createDevices(options: {
  storage: Storage
  accessKeys: Keyring
  issuer: string
  limits: Limits
  /** Closes the connections of a device. */
  disconnect(which: Selector): void
  now(): number
}): Devices {
  const { storage, accessKeys, issuer, limits, disconnect, now } = options

  async function find(device_id: string): Promise<Device | undefined> {
    const device = await storage.devices.find(device_id)
    return device && device.expires_at > now() ? device : undefined
  }

  return {
    async invite(user_id) {
      const code = newCode()
      const created_at = now()
      const expires_at = created_at + limits.enrolment_life_s * 1000
      const enrolment = { code_hash: hashOf(code), user_id, created_at, expires_at }
      if ((await storage.enrolments.create(enrolment, limits.enrolments_per_user)) === 'full') {
        throw new MeshError('RATE_LIMITED', 'Too many codes wait for a device')
      }
      return { code, expires_at }
    },

    async enrol({ code, name, public_key }) {
      const created_at = now()
      const device = {
        device_id: randomIds.id('dev'),
        name: cleanName(name),
        public_key,
        jkt: await thumbprintOf(public_key),
        created_at,
        expires_at: created_at + limits.device_key_life_s * 1000,
      }
      const result = await storage.enrolments.redeem(hashOf(code), device, limits.devices_per_user)
      if (result.outcome === 'full') {
        throw new MeshError('CONFLICT', 'The user has as many devices as may be', { reason: 'device_limit' })
      }
      if (!('device' in result)) throw new MeshError('AUTH_INVALID', 'The code is not valid')
      return result.device
    },

    async login(assertion) {
      const at = now()
      const { sub: device_id, jti, exp } = await verifyAssertion(assertion, { keyOf: find, issuer, now: at })
      const device = await find(device_id)
      const user = device && (await storage.users.find(device.user_id))
      if (!user || user.disabled) throw invalid()
      const keep_until = (exp + leewayS) * 1000
      const spent = await storage.devices.spend({ device_id, jti, now: at, keep_until, max: assertionsPerDevice })
      if (spent === 'full') {
        throw new MeshError('RATE_LIMITED', undefined, { retry_after_ms: assertionLifeS * 1000 })
      }
      if (spent !== 'spent') throw invalid()
      const { user_id } = user
      const { token, expires_at } = await issueAccess(accessKeys, {
        issuer,
        user_id,
        device_id,
        jti: randomIds.uuid(),
        now: at,
      })
      const expires_in = Math.floor((expires_at - at) / 1000)
      return { access_token: token, token_type: 'Bearer', expires_in, device_id, user_id }
    },

    async recognise({ sub, device_id = '', kid, iat, exp }) {
      const [device, user] = await Promise.all([find(device_id), storage.users.find(sub)])
      if (!device || !user || user.disabled || device.user_id !== user.user_id) throw new MeshError('AUTH_INVALID')
      const { user_id, username } = user
      const expires_at = Math.min(exp * 1000, device.expires_at)
      // What runs on a device unattended does not administer, whoever's it is.
      const own = { device_id, device_jkt: device.jkt, issued_at: iat * 1000, expires_at }
      return { user_id, username, admin: false, kid, ...own }
    },

    find,
    async granteeOf(device_id) {
      const device = await find(device_id)
      return device && { user_id: device.user_id, device_jkt: device.jkt }
    },
    list: (page) => storage.devices.list(page),

    async revoke(device_id) {
      const forgotten = await storage.devices.remove({ device_id })
      disconnect({ device_id })
      return forgotten.length > 0
    },
  }
}

const invalid = () => new MeshError('AUTH_INVALID', 'The assertion is not valid')

/** Letters that are not taken for each other, and that spell no words. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'

/** 16 letters, 69 bits: nobody guesses one in ten minutes, whatever limits are around it, and its hash tells nothing. */
function newCode(): string {
  const text = Array.from({ length: 16 }, () => letters[randomInt(letters.length)]).join('')
  return text.replace(/(.{4})(?!$)/g, '$1-')
}

/** However it was typed: in small letters, without the dashes. */
const hashOf = (code: string) => createHash('sha256').update(code.replace(/[\s-]/g, '').toUpperCase()).digest('hex')
