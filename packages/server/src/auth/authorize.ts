import type { Authorize, AuthorizeAction, AuthorizeResource } from '@mesh/core'
import type { HostPrincipal } from './host.ts'
import type { HostContext } from './host-sessions.ts'

/** One question to the host: who wants to do what, with what, and what Mesh would say. */
export interface HostQuestion {
  /** Whoever the hook said it was, with the Mesh id; a built-in account is known by the issuer `mesh`. */
  readonly principal: HostPrincipal & { readonly user_id: string }
  readonly action: AuthorizeAction
  readonly resource: AuthorizeResource
  readonly defaultDecision: boolean
}

/** Overrules the access rules, either way; undefined leaves it to them. */
export type HostAuthorize = (question: HostQuestion) => boolean | undefined | Promise<boolean | undefined>

/** Puts the engine's questions in the host's own words. */
export function createHostAuthorize(authorize: HostAuthorize | undefined): Authorize | undefined {
  if (!authorize) return undefined
  return ({ principal: { user_id, username, admin, host }, ...question }) => {
    // Only what this server's own hook said is kept there.
    const context = host as HostContext | undefined
    const known = context?.principal ?? { id: user_id, issuer: 'mesh', name: username, admin }
    return authorize({ principal: { ...known, user_id }, ...question })
  }
}
