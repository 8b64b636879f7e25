import { actorOf, type Audit, type Doer } from '../audit.ts'
import type { Decide } from '../authorize.ts'
import type { Engine, Principal } from '../context.ts'
import { toInstant } from '../encoder.ts'
import { MeshError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Clock, Member, Room } from '../ports/index.ts'
import type { ClientPayload, ServerPayload } from '../protocol.ts'
import { capabilityLifeS, issueCapability } from '../tokens/capability.ts'
import type { Keyring } from '../tokens/keyring.ts'
import { versionOf } from './check.ts'
import type { IceServers } from './ice-servers.ts'
import { deviceToLookUp, type DeviceOwners } from './owners.ts'
import { requireWithin } from './policy.ts'

/** What is asked for: the wire's own request, however it came. */
export type GrantRequest = ClientPayload<'capability.request'>

/** Whose the token is to be: the user, the login and the device key that it is bound to. */
export type Grantee = Pick<Principal, 'user_id' | 'sid' | 'device_jkt'> & Exclude<Doer, string>

/**
 * Decides on a request for capabilities: whole or not at all. `sub` is the peer or device that will use the token; `actor`
 * asks for it, where that is not the one whose it is to be.
 */
export type Grant = (
  request: GrantRequest,
  sub: string,
  grantee: Grantee,
  membership: { room: Pick<Room, 'room_id' | 'policy' | 'policy_seq'>; member: Pick<Member, 'role' | 'member_seq'> },
  actor?: Doer,
) => Promise<ServerPayload<'capability.granted'>>

/** @see Grant */
export function createGrant(options: {
  keys: Keyring
  issuer: string
  clock: Clock
  ids: Ids
  audit: Audit
  mayHold: Engine['mayHold']
  decide: Decide
  isKnown(cap: string): boolean
  iceServers: IceServers['of']
  owners: DeviceOwners
}): Grant {
  const { audit } = options

  return async (request, sub, grantee, { room, member }, actor = grantee) => {
    const { user_id, sid, device_jkt } = grantee
    const caps = [...new Set(request.caps)].sort()
    for (const cap of caps) {
      if (!options.isKnown(cap))
        throw new MeshError('BAD_MESSAGE', undefined, { reason: 'unknown_capability', path: 'caps' })
    }
    const { target_peer_id, target_device_id, max_size, max_rate } = request
    if (target_peer_id !== undefined && target_device_id !== undefined) {
      throw new MeshError('BAD_MESSAGE', undefined, { reason: 'two_targets', path: 'target_device_id' })
    }
    const device_id = deviceToLookUp({ caps, target_device_id })
    if (device_id !== undefined) await options.owners.lookUp(device_id)
    const holder = { user_id, role: member.role, policy: room.policy, target: target_peer_id ?? target_device_id }
    const note = { action: 'capability.grant', ...actorOf(actor), room_id: room.room_id, target: sub, caps } as const
    const asked = { room_id: room.room_id, role: member.role, target: holder.target }
    let isOverruled = false
    try {
      for (const cap of caps) {
        const defaultDecision = options.mayHold(cap, holder)
        const question = {
          principal: grantee,
          action: 'capability',
          resource: { ...asked, cap },
          defaultDecision,
        } as const
        if (!(await options.decide(question))) throw new MeshError('ACCESS_DENIED')
        isOverruled ||= !defaultDecision
      }
      requireWithin(request, room.policy)
    } catch (error) {
      audit.denied(error, note)
      throw error
    }
    if (caps.includes('terminal:control') && target_peer_id === undefined && target_device_id === undefined) {
      throw new MeshError('BAD_MESSAGE', undefined, { reason: 'target_required', path: 'target_peer_id' })
    }
    const iat = Math.floor(options.clock.now() / 1000)
    const exp = iat + (request.ttl_s ?? capabilityLifeS.default)
    const jti = options.ids.uuid()
    const token = await issueCapability(options.keys, {
      iss: options.issuer,
      aud: options.issuer,
      sub,
      room_id: room.room_id,
      caps,
      iat,
      exp,
      jti,
      mv: versionOf(member.member_seq, room.policy_seq),
      ...(isOverruled ? { host: true as const } : {}),
      ...(sid === undefined ? {} : { sid }),
      ...(target_peer_id === undefined ? {} : { target_peer_id }),
      ...(target_device_id === undefined ? {} : { target_device_id }),
      ...(max_size === undefined ? {} : { max_size }),
      ...(max_rate === undefined ? {} : { max_rate }),
      ...(device_jkt === undefined ? {} : { cnf: { jkt: device_jkt } }),
    })
    void audit({ ...note, outcome: 'ok', jti })
    const ice = options.iceServers(caps, { user_id, role: member.role })
    return {
      token,
      caps,
      expires_at: toInstant(exp * 1000),
      ...(ice.ice_servers.length > 0 ? { ice_servers: ice.ice_servers, ice_expires_at: ice.expires_at } : {}),
    }
  }
}
