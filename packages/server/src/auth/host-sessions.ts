import {
  fitName,
  goodFrom,
  issueAccess,
  MeshError,
  randomIds,
  type AccessClaims,
  type Keyring,
  type Principal,
  type Revocation,
  type Storage,
  type Verified,
} from '@mesh/core'
import { decodeProtectedHeader } from 'jose'
import { defaultIssuer, hostSessionId, hostUserId, readPrincipal, type HostPrincipal } from './host.ts'

/** What is known of somebody whom the host vouched for; the engine keeps it with their connection. */
export interface HostContext {
  readonly principal: HostPrincipal
  /** Whether the host itself said so for this connection, and can be asked again; a Mesh token says less. */
  readonly isFirstHand: boolean
}

/** The users of the host application, as Mesh knows them. */
export interface HostSessions {
  /**
   * Takes in whom the host vouches for; with `issue` what proved it is exchanged for an access token of Mesh.
   * @throws MeshError AUTH_INVALID when the user is disabled or the access revoked, AUTH_EXPIRED
   */
  enter(principal: HostPrincipal, options: { issue: boolean }): Promise<Principal>
  /** Who an access token stands for that was made by {@link HostSessions.enter}. @throws MeshError AUTH_INVALID */
  recognise(claims: Verified<AccessClaims>): Promise<Principal>
}

/** @see HostSessions */
export function createHostSessions(options: {
  storage: Storage
  accessKeys: Keyring
  /** The issuer of Mesh's own tokens. */
  issuer: string
  now(): number
}): HostSessions {
  const { storage, accessKeys, issuer, now } = options

  /** The user as stored, and since when access is good again; a session that was revoked never is. */
  async function look(user_id: string, sid: string) {
    const [user, revocations] = await Promise.all([
      storage.users.find(user_id),
      storage.revocations.find([user_id, sid], now()),
    ])
    const of = (id: string): Revocation | undefined => revocations.find((revocation) => revocation.id === id)
    if (user?.disabled || of(sid)) throw new MeshError('AUTH_INVALID')
    const revocation = of(user_id)
    return { user, goodFrom: revocation ? goodFrom(revocation) : 0 }
  }

  return {
    async enter(answer, { issue }) {
      const principal = readPrincipal(answer)
      const {
        id,
        issuer: knownBy = defaultIssuer,
        admin = false,
        kind,
        roles,
        issuedAt,
        expiresAt = Infinity,
      } = principal
      const user_id = hostUserId(id, knownBy)
      const sid = hostSessionId(principal.sessionId ?? user_id)
      // Read before it is looked up whether access was revoked: a token must not be younger than what was known when it was made.
      const asked = now()
      if (expiresAt <= asked) throw new MeshError('AUTH_EXPIRED')
      const { user, goodFrom } = await look(user_id, sid)
      if (issuedAt !== undefined && issuedAt < goodFrom) throw new MeshError('AUTH_INVALID')
      const username = fitName(principal.name ?? '') ?? user?.username ?? `User ${user_id.slice(-4)}`
      if (user?.username !== username || !user.external) {
        const external = { issuer: knownBy, subject: id }
        await storage.users.ensure({ user_id, username, external, created_at: now() })
      }
      const host: HostContext = { principal, isFirstHand: true }
      const known = { user_id, username, admin, sid, host, expires_at: expiresAt }
      if (!issue) return known
      // Dated after a revocation that it comes after, or it would be taken for one that was meant.
      const at = Math.max(asked, goodFrom)
      const life_s = (expiresAt - at) / 1000
      const claims = { ...(admin && { admin }), ...(kind && { kind }), ...(roles && { roles: [...roles] }) }
      const subject = { issuer, user_id, sid, host: claims, jti: randomIds.uuid(), now: at, life_s }
      const { token, expires_at } = await issueAccess(accessKeys, subject)
      const { kid } = decodeProtectedHeader(token)
      const expires_in = Math.max(0, Math.floor((expires_at - now()) / 1000))
      return { ...known, kid, expires_at, issued: { access_token: token, expires_in } }
    },

    async recognise({ sub: user_id, sid, kid, iat, exp, device_id, host = {} }) {
      if (sid === undefined) throw new MeshError('AUTH_INVALID')
      const { user, goodFrom } = await look(user_id, sid)
      if (!user?.external || iat * 1000 < goodFrom) throw new MeshError('AUTH_INVALID')
      const { subject: id, issuer: knownBy } = user.external
      const { username } = user
      const principal: HostPrincipal = { id, issuer: knownBy, name: username, ...host }
      const context: HostContext = { principal, isFirstHand: false }
      const admin = host.admin === true
      return {
        user_id,
        username,
        admin,
        sid,
        kid,
        device_id,
        host: context,
        issued_at: iat * 1000,
        expires_at: exp * 1000,
      }
    },
  }
}
