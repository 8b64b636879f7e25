import { excessOf, lesserOf, shareLimitsOf, type ShareLimits } from '../acl.ts'
import type { Awaitable } from '../awaitable.ts'
import type { Call, Engine, LiveRoom, Occupant, Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { ServerPayload } from '../protocol.ts'
import type { CapabilityClaims } from '../tokens/capability.ts'
import type { Verified } from '../tokens/jws.ts'
import type { Keyring } from '../tokens/keyring.ts'
import { leewayS } from '../tokens/access.ts'
import { issueSessionToken, sessionLifeS } from '../tokens/p2p.ts'
import { isCanonicalHost, refusalOf, type Candidate } from './candidates.ts'

/** One end of a session, as the other has to know it. */
export interface End {
  readonly peer: Peer
  readonly candidates: Candidate[]
  readonly fingerprint: string
}

/** A session of two agents: asked for, then accepted, then open until either end or the server closes it. */
export interface P2pSession {
  readonly session_id: string
  readonly room: LiveRoom
  readonly purpose: string
  /** The key that signed the token which opened it, or renewed it last. */
  kid: string
  /** Whether the host application allowed it beyond role and policy, when its requester last showed a token. */
  byHost: boolean
  /** How much it may transfer: what the token allowed which opened it, or the least of those that renewed it since. */
  allowance: ShareLimits
  /** When it was asked for, monotonic. */
  readonly asked_at: number
  /** The request, which is answered when the session is open or will never be. */
  readonly call: Call<'p2p.session.request'>
  readonly requester: End
  /** Who was asked. */
  readonly target: Peer
  /** Who was asked, once it has accepted. */
  acceptor: End | undefined
  /** Whether both ends have been told that there is a session. */
  isOpen: boolean
  /** Takes back the timer that ends it. */
  stopTimer: () => void
}

/** @see P2pSession */
export function createP2pSession(
  session_id: string,
  call: Call<'p2p.session.request'>,
  { room }: Occupant,
  target: Peer,
  claims: Verified<CapabilityClaims>,
  asked_at: number,
): P2pSession {
  const { purpose, candidates, fingerprint } = call.payload
  return {
    session_id,
    room,
    purpose,
    kid: claims.kid,
    byHost: claims.host === true,
    allowance: allowanceOf(claims, room),
    asked_at,
    call,
    requester: { peer: call.peer, candidates, fingerprint },
    target,
    acceptor: undefined,
    isOpen: false,
    stopTimer: () => {},
  }
}

/** How much a token allows: what it says, or else what the room does. */
export function allowanceOf(claims: Pick<CapabilityClaims, keyof ShareLimits>, room: LiveRoom): ShareLimits {
  const { max_size, max_rate } = shareLimitsOf(room.policy)
  return { max_size: claims.max_size ?? max_size, max_rate: claims.max_rate ?? max_rate }
}

/** A session goes on with another token: from here on it allows no more than that, and never more than before. */
export function lower(session: P2pSession, claims: Pick<CapabilityClaims, keyof ShareLimits>): void {
  session.allowance = lesserOf(session.allowance, allowanceOf(claims, session.room))
}

/** Whether a session allows more than the policy of its room, as it is now. */
export function isExcessive({ allowance, room }: P2pSession): boolean {
  return excessOf(allowance, room.policy) !== undefined
}

/** The other end, seen from a peer that has part in a session. */
export function otherOf(session: P2pSession, peer: Peer): Peer {
  return peer === session.target ? session.requester.peer : session.target
}

/** @throws MeshError BAD_MESSAGE for a host that is not an address in its canonical spelling */
export function requireAddresses(candidates: readonly Candidate[]): void {
  const at = candidates.findIndex(({ host }) => !isCanonicalHost(host))
  if (at !== -1) throw new MeshError('BAD_MESSAGE', undefined, { reason: 'payload', path: `candidates.${at}.host` })
}

/** Why the policy of the room does not want these candidates, or undefined. */
export function refusalOfAny(candidates: readonly Candidate[], { policy }: LiveRoom): string | undefined {
  return candidates.map((candidate) => refusalOf(candidate, policy)).find((reason) => reason !== undefined)
}

/** How long after its token a session ends, in milliseconds: the clocks of its ends may be that far behind. */
export const graceMs = leewayS * 1000

/** Signs the token of a session, anew with each renewal. `exp` in seconds. */
export function sign(
  { session_id, room, purpose, requester, allowance }: P2pSession,
  acceptor: End,
  { ids, clock, issuer }: Pick<Engine, 'ids' | 'clock' | 'issuer'>,
  keys: Keyring,
): { token: Awaitable<string>; exp: number } {
  const iat = Math.floor(clock.now() / 1000)
  const exp = iat + sessionLifeS
  const token = issueSessionToken(keys, {
    iss: issuer,
    aud: issuer,
    jti: ids.uuid(),
    iat,
    exp,
    session_id,
    room_id: room.room_id,
    purpose,
    requester: { ...nameOf(requester.peer), fingerprint: requester.fingerprint },
    acceptor: { ...nameOf(acceptor.peer), fingerprint: acceptor.fingerprint },
    ...allowance,
  })
  return { token, exp }
}

/** What an end has to know of the other one. */
export function viewOf({ peer, candidates, fingerprint }: End): ServerPayload<'p2p.session.created'>['peer'] {
  return { ...nameOf(peer), candidates, fingerprint }
}

function nameOf({ peer_id, user_id, device_id }: Peer) {
  return { peer_id, user_id, ...(device_id === undefined ? {} : { device_id }) }
}
