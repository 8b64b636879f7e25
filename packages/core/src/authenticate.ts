import type { Principal } from './context.ts'
import type { ConnectionRequest } from './transport.ts'

/** Finds out who is there. @throws MeshError AUTH_REQUIRED, AUTH_INVALID, AUTH_EXPIRED, UNAVAILABLE */
export type Authenticate = (input: { token: string | undefined; request: ConnectionRequest }) => Promise<Principal>

/**
 * Asks whoever vouched for a peer to do so again, shortly before its access ends. Undefined: nobody can be asked, the client
 * has to bring another token. @throws MeshError AUTH_INVALID: the login is over, and so is the connection
 */
export type Revalidate = (peer: Principal) => Promise<Principal | undefined>
