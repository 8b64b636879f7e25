import type { Principal } from './context.ts'

/** Which connections are meant: those of a user, login or device, those whose access token a key signed, or that of one peer. */
export type Selector =
  | { user_id: string }
  | { sid: string }
  | { device_id: string }
  | { kid: string }
  | { peer_id: string }

/** Whether somebody, connected or on the way, is meant. */
export function isMeant(who: Principal & { readonly peer_id?: string }, which: Selector): boolean {
  // Every key of a selector is a field of a peer; the union of its shapes hides that from the compiler.
  return Object.entries(which).every(([key, id]) => who[key as keyof typeof who] === id)
}
