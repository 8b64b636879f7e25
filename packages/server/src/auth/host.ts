import { createHash } from 'node:crypto'
import { MeshError, type ConnectionRequest, type Principal, type Storage } from '@mesh/core'

/** Somebody whom the host application knows. `id` is the host's own and never changes; `name` is what people see. */
export interface HostUser {
  id: string
  name: string
  /** May administer Mesh's users. */
  admin?: boolean
}

/**
 * Says who is behind a request: the upgrade of a WebSocket or a REST call. `token` is what the client sent in its hello or
 * as Bearer. Nobody: return null or undefined.
 */
export type HostAuthenticate = (input: {
  request: ConnectionRequest
  token: string | undefined
}) => HostUser | null | undefined | Promise<HostUser | null | undefined>

/** How long a connection lives before the host is asked again: as long as an access token. */
const askAgainMs = 600_000

/** Makes the host application's users known to Mesh as they come; nothing but id and name is kept of them. */
export function createHostAuthentication(storage: Storage, authenticate: HostAuthenticate) {
  return async (input: Parameters<HostAuthenticate>[0]): Promise<Principal> => {
    const user = await authenticate(input)
    if (!user) throw new MeshError(input.token === undefined ? 'AUTH_REQUIRED' : 'AUTH_INVALID')
    const user_id = hostUserId(user.id)
    await storage.users.ensure({ user_id, username: user.name, created_at: Date.now() })
    return { user_id, username: user.name, admin: user.admin ?? false, expires_at: Date.now() + askAgainMs }
  }
}

/** The Mesh id of a host's user: the same for the same id, and telling nothing about it. */
export function hostUserId(id: string): string {
  return `usr_${createHash('sha256').update(`host\0${id}`).digest('base64url').slice(0, 22)}`
}
