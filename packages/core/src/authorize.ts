import type { Action, Role } from './acl.ts'
import type { Awaitable } from './awaitable.ts'
import type { Principal } from './context.ts'

/** What a host application is asked about: what somebody does to a room, and each capability that they want there. */
export type AuthorizeAction =
  | 'room.create'
  | 'room.join'
  | 'room.history'
  | 'room.members'
  | 'room.invite'
  | 'room.update'
  | 'room.delete'
  | 'capability'

/** What it is about. */
export interface AuthorizeResource {
  /** The room; none before it is there. */
  readonly room_id?: string | undefined
  /** What the principal is in the room; nothing where it is no member. */
  readonly role?: Role | undefined
  /** The name of a room that is to be made. */
  readonly name?: string | undefined
  /** The capability that is asked for, e.g. `terminal:control`. */
  readonly cap?: string | undefined
  /** The peer or device that it is to be used on, where the request names one. */
  readonly target?: string | undefined
}

/** One question to the host application. */
export interface AuthorizeQuestion {
  readonly principal: Asker
  readonly action: AuthorizeAction
  readonly resource: AuthorizeResource
  /** What the access rules of Mesh say. */
  readonly defaultDecision: boolean
}

/** Who wants something. */
export type Asker = Pick<Principal, 'user_id'> & Partial<Principal>

/** Overrules the access rules of Mesh, either way; undefined leaves it to them. What it throws is a fault, and a no. */
export type Authorize = (question: AuthorizeQuestion) => Awaitable<boolean | undefined>

/** THE table of what a role's actions are called when the host is asked; it is not asked about those that are left out. */
export const askedAs: Readonly<Partial<Record<Action, AuthorizeAction>>> = {
  join: 'room.join',
  history: 'room.history',
  members: 'room.members',
  invite: 'room.invite',
  'invite.guest': 'room.invite',
  'room.update': 'room.update',
  'room.delete': 'room.delete',
}

/** Decides by the access rules, and by the host where there is one to ask. */
export type Decide = (question: AuthorizeQuestion) => Promise<boolean>

/** @see Decide */
export function createDecide(authorize: Authorize | undefined): Decide {
  return async (question) => (await authorize?.(question)) ?? question.defaultDecision
}
