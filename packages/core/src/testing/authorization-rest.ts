import type { Role } from '../acl.ts'
import type { Outcome } from './authorization.ts'

/** Who may call the REST routes of a room, written down from the contract a second time, as for the events. */

/** Everybody who may call a route of a room. */
export const callers = [
  'owner',
  'member',
  'guest',
  'removed',
  'never a member',
  'without a token',
  'no such room',
] as const
export type Caller = (typeof callers)[number]

const everybody: readonly Role[] = ['owner', 'member', 'guest']
const owners: readonly Role[] = ['owner']

/** THE table of expectations for REST: a route as OpenAPI has it, which way to use it where it has several, and for whom. */
export const routes: readonly { route: string; as?: string; roles: readonly Role[] }[] = [
  { route: 'GET /rooms/{room_id}', roles: everybody },
  { route: 'PATCH /rooms/{room_id}', as: 'name', roles: owners },
  { route: 'PATCH /rooms/{room_id}', as: 'policy', roles: owners },
  { route: 'DELETE /rooms/{room_id}', roles: owners },
  { route: 'GET /rooms/{room_id}/members', roles: everybody },
  { route: 'PUT /rooms/{room_id}/members/{user_id}', as: 'somebody new', roles: owners },
  { route: 'PUT /rooms/{room_id}/members/{user_id}', as: 'oneself, as owner', roles: owners },
  { route: 'DELETE /rooms/{room_id}/members/{user_id}', as: 'another', roles: owners },
  { route: 'DELETE /rooms/{room_id}/members/{user_id}', as: 'oneself', roles: everybody },
  { route: 'POST /rooms/{room_id}/invites', as: 'for a guest', roles: ['owner', 'member'] },
  { route: 'POST /rooms/{room_id}/invites', as: 'for a member', roles: owners },
  { route: 'POST /rooms/{room_id}/invites', as: 'for an owner', roles: owners },
  { route: 'GET /rooms/{room_id}/invites', roles: owners },
  { route: 'DELETE /rooms/{room_id}/invites/{invite_id}', roles: owners },
  { route: 'POST /rooms/{room_id}/capabilities', as: 'call', roles: everybody },
  { route: 'POST /rooms/{room_id}/capabilities', as: 'share:file', roles: ['owner', 'member'] },
  { route: 'GET /rooms/{room_id}/events', roles: everybody },
  { route: 'GET /rooms/{room_id}/messages', roles: everybody },
]

/** What the contract says of a call: who it is, then the room, then membership and role. */
export function outcomeOfCall({ roles }: { roles: readonly Role[] }, caller: Caller): Outcome {
  if (caller === 'without a token') return 'AUTH_REQUIRED'
  if (caller === 'no such room') return 'ROOM_NOT_FOUND'
  return roles.some((role) => role === caller) ? 'ok' : 'ACCESS_DENIED'
}
