import { createBoundedMap } from '../bounded-map.ts'
import type { CapabilityUse, Engine, Holder } from '../context.ts'
import { chain } from '../awaitable.ts'
import { MeshError } from '../errors.ts'
import type { Clock } from '../ports/index.ts'
import { isExpired, verifyCapability, type CapabilityClaims } from '../tokens/capability.ts'
import type { Verified } from '../tokens/jws.ts'
import type { PublicKeys } from '../tokens/keyring.ts'
import { deviceToLookUp, type DeviceOwners } from './owners.ts'

/** How many verified tokens are remembered. */
const remembered = 20_000

/**
 * Checks capability tokens on every use. A signature is checked once for each token; everything that can change is judged
 * anew each time, from the live state alone.
 */
export function createCapabilityCheck(options: {
  keys: PublicKeys
  issuer: string
  clock: Clock
  mayHold: Engine['mayHold']
  owners: DeviceOwners
  /** Whether what is known of roles and policies is too old to count. */
  isOutdated(): boolean
}): Pick<Engine, 'verifyCapability' | 'checkCapability'> {
  // Keyed by the whole text, so that only a token verified to the letter is found; revocation never looks here.
  const verified = createBoundedMap<string, Verified<CapabilityClaims>>(remembered)

  return {
    verifyCapability(token) {
      const known = verified.peek(token)
      // A key that was revoked takes with it what it once signed.
      if (known) return options.keys.has(known.kid) ? known : undefined
      return chain(verifyCapability(token, options), (claims) => {
        if (!claims) return undefined
        verified.set(token, claims)
        const device_id = deviceToLookUp(claims)
        return device_id === undefined ? claims : options.owners.lookUp(device_id).then(() => claims)
      })
    },
    checkCapability(occupant, claims, use) {
      if (!use.presented) throw new MeshError('CAP_REQUIRED', undefined, { required: use.cap })
      if (!claims || !isFor(claims, occupant, use)) throw new MeshError('CAP_INVALID')
      // `mv` says that nothing changed since; this says that it was right even if the grant read a room in motion.
      const { user_id } = occupant.peer
      const target = claims.target_peer_id ?? claims.target_device_id
      const holder = { user_id, role: occupant.role, policy: occupant.room.policy, target }
      // Where the host application allowed more than role and policy, that stands as long as `mv` does.
      const isHeld = claims.host === true || claims.caps.every((cap) => options.mayHold(cap, holder))
      if (!isHeld) throw new MeshError('CAP_INVALID')
      if (isExpired(claims, options.clock.now())) throw new MeshError('CAP_EXPIRED')
      if (options.isOutdated()) throw new MeshError('UNAVAILABLE')
      if (!claims.caps.includes(use.cap)) throw new MeshError('CAP_REQUIRED', undefined, { required: use.cap })
      return claims
    },
  }
}

function isFor(claims: CapabilityClaims, { peer, room, member_seq }: Holder, use: CapabilityUse): boolean {
  return (
    claims.room_id === room.room_id &&
    (claims.sub === peer.peer_id || claims.sub === peer.device_id) &&
    (claims.sid === undefined || claims.sid === peer.sid) &&
    (claims.cnf === undefined || claims.cnf.jkt === peer.device_jkt) &&
    claims.mv === versionOf(member_seq, room.policy_seq) &&
    (claims.target_peer_id === undefined || claims.target_peer_id === use.to) &&
    (claims.target_device_id === undefined || isDevice(room, use.to, claims.target_device_id))
  )
}

/**
 * The membership and policy version of a member: the `seq` of the latest event that changed either. It rises with every
 * change and is never used again, not even by somebody who is removed and comes back.
 */
export function versionOf(member_seq: number, policy_seq: number): number {
  return Math.max(member_seq, policy_seq)
}

function isDevice(room: Holder['room'], to: string, device_id: string): boolean {
  return to === device_id || room.occupants.get(to)?.peer.device_id === device_id
}
