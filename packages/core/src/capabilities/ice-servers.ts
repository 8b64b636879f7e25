import { capabilities, type Action, type Role } from '../acl.ts'
import type { Engine, Peer, Principal } from '../context.ts'
import { toInstant } from '../encoder.ts'
import { MeshError } from '../errors.ts'
import type { Member, Room, Turn } from '../ports/index.ts'
import type { ServerPayload } from '../protocol.ts'
import { createRateLimiter } from '../rate-limiter.ts'
import { ownDevice, ownPeer } from './own-peer.ts'

/** STUN and TURN servers as browsers take them, good until `expires_at`. */
export interface IceServerList {
  ice_servers: NonNullable<ServerPayload<'capability.granted'>['ice_servers']>
  expires_at: string
}

/** Hands out the STUN and TURN servers of the installation. */
export interface IceServers {
  /** Those for somebody with these capabilities: none where no capability needs a path between peers. */
  of(caps: readonly string[], to: { user_id: string; role: Role }): IceServerList
  /**
   * Fresh ones for a capability token that one of the caller's own live peers holds, or one of their devices, connected or
   * not, judged as on every use.
   * @throws MeshError RATE_LIMITED, CAP_REQUIRED, CAP_EXPIRED, CAP_INVALID, ROOM_NOT_FOUND, ACCESS_DENIED
   */
  renew(caller: Principal, cap_token: string | undefined): Promise<IceServerList>
}

/** How long what names no credentials may be kept, in seconds. */
const keepS = 600

/** @see IceServers */
export function createIceServers(
  options: Pick<Engine, 'storage' | 'clock' | 'limits' | 'verifyCapability' | 'checkCapability'> & {
    turn: Turn | undefined
    /** Hears that somebody is given credentials for a TURN server. */
    relayGiven(): void
    peersOf(user_id: string): Iterable<Peer>
    /** The room and the membership of a user. @throws MeshError ROOM_NOT_FOUND, ACCESS_DENIED */
    authorize(user: Principal, room_id: string, may: Action): Promise<{ room: Room; member: Member | undefined }>
  },
): IceServers {
  const { clock, turn } = options
  // By user: by device, asking from many of them would get around it.
  const limiter = createRateLimiter(options.limits.ice_servers, () => clock.monotonic())

  const of: IceServers['of'] = (caps, { user_id, role }) => {
    const exp = Math.floor(clock.now() / 1000) + (turn?.ttlS ?? keepS)
    const expires_at = toInstant(exp * 1000)
    if (!turn || !caps.some(needsPath)) return { ice_servers: [], expires_at }
    const { stunUrls, turnUrls } = turn
    const mayRelay = turnUrls.length > 0 && (role !== 'guest' || turn.guests)
    if (mayRelay) options.relayGiven()
    return {
      ice_servers: [
        ...(stunUrls.length > 0 ? [{ urls: [...stunUrls] }] : []),
        ...(mayRelay ? [{ urls: [...turnUrls], ...turn.credentials(user_id, exp) }] : []),
      ],
      expires_at,
    }
  }

  return {
    of,
    async renew(caller, cap_token) {
      const retry_after_ms = limiter.take(caller.user_id)
      if (retry_after_ms > 0) throw new MeshError('RATE_LIMITED', undefined, { retry_after_ms })
      if (cap_token === undefined) throw new MeshError('CAP_REQUIRED', undefined, { required: 'call' })
      const claims = await options.verifyCapability(cap_token)
      const peer =
        claims && (ownPeer(options.peersOf, caller, claims.sub) ?? (await ownDevice(options, caller, claims.sub)))
      if (!peer) throw new MeshError('CAP_INVALID')
      const { room, member } = await options.authorize(caller, claims.room_id, 'capability')
      // A user is never without a membership here: only the administrator is let through without one.
      if (!member) throw new MeshError('ACCESS_DENIED')
      const { role, member_seq } = member
      const holder = { peer, role, member_seq, room: { ...room, occupants: new Map() } }
      const to = claims.target_peer_id ?? claims.target_device_id ?? ''
      const cap = claims.caps.find(needsPath) ?? 'call'
      const { caps } = options.checkCapability(holder, claims, { cap, to, presented: true })
      return of(caps, { user_id: caller.user_id, role })
    },
  }
}

/** The contract's capabilities all lead from peer to peer; what a host's own words lead to, Mesh does not know. */
function needsPath(cap: string): boolean {
  return capabilities.some((known) => known === cap)
}
