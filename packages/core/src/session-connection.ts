import type { Principal } from './context.ts'
import type { CloseReason } from './errors.ts'
import type { MeshSocket } from './transport.ts'

/** The connection of a session, as the session needs it. */
export interface SessionConnection {
  readonly address: string
  readonly socket: MeshSocket
  close(reason: CloseReason): void
  /** The session goes on elsewhere. */
  supersede(): void
  /** Puts another access token of the same identity in force; resolves with what it says. @throws MeshError AUTH_* */
  refresh(token: string): Promise<Principal>
}
