import { createHash } from 'node:crypto'
import type { ConnectionRequest } from '@mesh/core'
import * as v from 'valibot'

const text = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max))
const instant = v.optional(v.pipe(v.number(), v.finite()))

const hostPrincipal = v.object({
  id: text(512),
  issuer: v.optional(v.pipe(text(512), v.excludes('\0'))),
  name: v.optional(v.string()),
  admin: v.optional(v.boolean()),
  kind: v.optional(text(64)),
  roles: v.optional(v.pipe(v.array(text(64)), v.maxLength(32))),
  sessionId: v.optional(text(4096)),
  issuedAt: instant,
  expiresAt: instant,
})

/** Somebody whom the host application knows, as its hooks say and see it. Instants are milliseconds since 1970. */
export interface HostPrincipal {
  /** The host's own id of the user, which never changes. */
  id: string
  /** What others see. */
  name?: string | undefined
  /** Who knows the user by this id, where there are several; {@link defaultIssuer} unless told. */
  issuer?: string | undefined
  /** May administer Mesh. */
  admin?: boolean | undefined
  /** Whatever the host tells apart, e.g. `user` or `guest`; for its own `authorize`. */
  kind?: string | undefined
  /** The user's roles in the host; for its own `authorize`. */
  roles?: readonly string[] | undefined
  /** The login there, so that `revoke({ sessionId })` can end it here. It is never passed on, and kept as a hash. */
  sessionId?: string | undefined
  /** Since when what proves this is good. A user's revocation stops what is older. */
  issuedAt?: number | undefined
  /** When it ends; the connection asks again then at the latest. */
  expiresAt?: number | undefined
}

/** A request, as a host's hook may read it: the upgrade of a WebSocket, or a REST call. */
export interface HostRequest {
  readonly url: string
  /** The method of a REST call; an upgrade has none. */
  readonly method: string | undefined
  /** The headers; a `Cookie` is among them only if no foreign page can have made the browser send it. */
  readonly headers: Headers
  /** The network address of the other end, where it is known. */
  readonly address: string
  /** Which page asked: one whose origin is allowed, or none that says so. */
  readonly origin: 'allowed' | 'none' | 'foreign'
}

/** What a hook is asked with. */
export interface AuthenticateInput {
  readonly request: HostRequest
  /** What the client sent in its hello or as Bearer. */
  readonly token: string | undefined
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** What a hook answers: who it is, or nobody. */
export type Authenticated = HostPrincipal | null | undefined

/**
 * Says who is behind a request, by whatever the host goes by. Nobody: null or undefined. It may throw a MeshError to say
 * more, such as AUTH_EXPIRED.
 */
export interface HostAuthenticate {
  (input: AuthenticateInput): Authenticated | Promise<Authenticated>
  /** Whether Mesh's own accounts may log in as well. */
  readonly builtinUsers?: boolean
  /** The issuers of its principals, where they are known beforehand. */
  readonly issuers?: readonly string[]
}

/** The issuer of principals that name none. */
export const defaultIssuer = 'host'

/** Reads what a hook said. @throws TypeError for what cannot be a principal: a fault of the hook */
export function readPrincipal(answer: HostPrincipal): HostPrincipal {
  const parsed = v.safeParse(hostPrincipal, answer, { abortEarly: true })
  if (parsed.success) return parsed.output
  throw new TypeError(`authenticate: "${v.getDotPath(parsed.issues[0]) ?? 'principal'}" is not what it has to be`)
}

/** The Mesh id of a host's user: the same for the same issuer and id, and telling nothing about them. */
export function hostUserId(id: string, issuer: string = defaultIssuer): string {
  return `usr_${digest(`${issuer}\0${id}`)}`
}

/** The Mesh id of a host's session: the same for the same session, and telling nothing about it. */
export function hostSessionId(sessionId: string): string {
  return `sess_${digest(`session\0${sessionId}`)}`
}

/** Whether the browser is known to have been asked by a page that may ask: cookies are good then, and only then. */
export function isAskedByOwnPage({ method, origin }: HostRequest): boolean {
  // Browsers leave `Origin` out of what only reads; whoever asks from elsewhere cannot see the answer.
  return origin === 'allowed' || (origin === 'none' && (method === 'GET' || method === 'HEAD'))
}

/** What a hook may see of a request. */
export function hostRequest(request: ConnectionRequest, allowOrigin: (origin: string) => boolean): HostRequest {
  const headers = new Headers(request.headers instanceof Headers ? request.headers : {})
  const asked = headers.get('origin')
  const origin = asked === null ? 'none' : allowOrigin(asked) ? 'allowed' : 'foreign'
  if (origin === 'foreign') headers.delete('cookie')
  return { url: request.url, method: request.method, headers, address: request.address, origin }
}

function digest(of: string): string {
  return createHash('sha256').update(of).digest('base64url').slice(0, 22)
}
