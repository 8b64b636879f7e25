/** What somebody is in a room. */
export type Role = 'owner' | 'member' | 'guest'

/** The roles from the one that may most to the one that may least. */
export const roles: readonly Role[] = ['owner', 'member', 'guest']

/** What a role may do in a room beyond asking for capabilities. */
export type Action =
  | 'join'
  | 'chat'
  | 'presence'
  | 'history'
  | 'capability'
  | 'share'
  | 'invite.guest'
  | 'invite'
  | 'members'
  | 'room.update'
  | 'room.delete'

const guest: readonly Action[] = ['join', 'chat', 'presence', 'history', 'capability']
const member: readonly Action[] = [...guest, 'share', 'invite.guest']
const owner: readonly Action[] = [...member, 'invite', 'members', 'room.update', 'room.delete']

/** THE table of who may what in a room. */
export const actionsOf: Readonly<Record<Role, ReadonlySet<Action>>> = {
  owner: new Set(owner),
  member: new Set(member),
  guest: new Set(guest),
}

/** The capabilities of the contract; a host application may add words of its own. */
export const capabilities = [
  'call',
  'screen',
  'share:file',
  'share:folder',
  'terminal:view',
  'terminal:control',
] as const

/** What a room decides for itself; whatever it leaves out is as {@link defaultCaps} and the server have it. */
export interface RoomPolicy {
  /** The capabilities each role may ask for, in place of the default ones. */
  caps?: Partial<Record<Role, string[]>>
  /** Peers may only meet through a relay, so that nobody learns the others' addresses. */
  relay_only?: boolean
  /** Loopback and link-local candidates are allowed: development, one machine. */
  allow_local?: boolean
  /** The largest share in bytes. */
  max_size?: number
  /** The highest rate of a share in bytes per second; 0 is unlimited. */
  max_rate?: number
}

/** The default policy: which role may ask for which capability. */
export const defaultCaps: Readonly<Record<Role, readonly string[]>> = {
  owner: capabilities,
  member: capabilities.filter((cap) => cap !== 'terminal:control'),
  guest: ['call'],
}

/** The capabilities that a role may ask for in a room with this policy. `extra` are the host application's own words. */
export function capsOf(role: Role, policy: RoomPolicy, extra: readonly string[] = []): readonly string[] {
  const own = policy.caps?.[role]
  if (own) return own
  return role === 'guest' ? defaultCaps.guest : [...defaultCaps[role], ...extra]
}

/** How much a share may be: `max_size` in bytes, `max_rate` in bytes per second, 0 for unlimited. */
export interface ShareLimits {
  max_size: number
  max_rate: number
}

/** The share limits of a room: its policy's, or 1 GiB at any rate. */
export function shareLimitsOf({ max_size = 1_073_741_824, max_rate = 0 }: RoomPolicy): ShareLimits {
  return { max_size, max_rate }
}

/**
 * Which limit of a request is more than a room with this policy allows, or undefined. What is left out is not more: it is
 * what the room allows.
 */
export function excessOf(
  asked: { [K in keyof ShareLimits]?: number | undefined },
  policy: RoomPolicy,
): keyof ShareLimits | undefined {
  const { max_size, max_rate } = shareLimitsOf(policy)
  if ((asked.max_size ?? max_size) > max_size) return 'max_size'
  return speedOf(asked.max_rate ?? max_rate) > speedOf(max_rate) ? 'max_rate' : undefined
}

/** What two limits both allow. */
export function lesserOf(one: ShareLimits, other: ShareLimits): ShareLimits {
  const max_size = Math.min(one.max_size, other.max_size)
  const { max_rate } = speedOf(one.max_rate) < speedOf(other.max_rate) ? one : other
  return { max_size, max_rate }
}

/** No limit at all is more than any limit. */
const speedOf = (max_rate: number) => (max_rate === 0 ? Infinity : max_rate)

/** Whether `next` may less than `previous`. */
export function isDemotion(previous: Role, next: Role): boolean {
  return roles.indexOf(next) > roles.indexOf(previous)
}
