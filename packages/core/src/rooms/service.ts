import * as v from 'valibot'
import { actorOf, type Doer } from '../audit.ts'
import { askedAs, type Decide } from '../authorize.ts'
import { actionsOf, roles, type Action, type Role, type RoomPolicy } from '../acl.ts'
import type { Engine } from '../context.ts'
import { field } from '../define.ts'
import { MeshError } from '../errors.ts'
import { cleanName } from '../names.ts'
import type { Member, Room, RoomEvent } from '../ports/index.ts'
import type { RoomWrites } from './writes.ts'

/** On whose behalf something is done: a user, held to the ACL, or the administrator, who is not. */
export type Actor = Doer

const caps = v.pipe(v.array(field.capability), v.maxLength(32))

/** What may be changed about a room's policy; what is left out stays. */
export const policySchema = v.strictObject({
  caps: v.optional(v.strictObject({ owner: v.optional(caps), member: v.optional(caps), guest: v.optional(caps) })),
  relay_only: v.optional(v.boolean()),
  allow_local: v.optional(v.boolean()),
  max_size: v.optional(field.count),
  max_rate: v.optional(field.count),
})

/** A change to a room. */
export interface RoomChange {
  name?: string | undefined
  policy?: v.InferOutput<typeof policySchema> | undefined
}

/** A page of a list: ids or sequence numbers after the one given, at most `limit` of them. */
export interface Page<C> {
  after?: C | undefined
  limit: number
}

/** Rooms and their members, for REST, the command line and the host application. Every change is told at once. */
export interface Rooms {
  /** `actor` is who asks for it; without one, whoever calls has decided already. */
  create(owner_user_id: string, name: string, actor?: Actor): Promise<Room>
  get(actor: Actor, room_id: string): Promise<Room>
  list(actor: Actor, page: Page<string>): Promise<Room[]>
  update(actor: Actor, room_id: string, change: RoomChange): Promise<Room>
  delete(actor: Actor, room_id: string): Promise<void>
  members(actor: Actor, room_id: string): Promise<Member[]>
  /** Adds a member or changes a role. The room keeps at least one owner (CONFLICT). */
  setMember(actor: Actor, room_id: string, user_id: string, role: Role): Promise<Member>
  /** Removes a member; anybody may remove themselves. The room keeps at least one owner (CONFLICT). */
  removeMember(actor: Actor, room_id: string, user_id: string): Promise<void>
  /** Durable events by rising `seq`. A guest sees those since joining. */
  events(actor: Actor, room_id: string, page: Page<number>): Promise<RoomEvent[]>
  /** Chat messages by falling `seq`, below `before`. A guest sees those since joining. */
  messages(actor: Actor, room_id: string, page: { before?: number | undefined; limit: number }): Promise<RoomEvent[]>
  /** The room and the actor's membership, or the reason why not. @throws MeshError ROOM_NOT_FOUND, ACCESS_DENIED */
  authorize(actor: Actor, room_id: string, may: Action): Promise<{ room: Room; member: Member | undefined }>
}

/** @see Rooms */
export function createRoomService(
  engine: Engine & RoomWrites & { closeRoom(room_id: string): void; knownCaps: readonly string[]; decide: Decide },
): Rooms {
  const { storage, clock, ids, newEvent, write, decide } = engine

  const authorize: Rooms['authorize'] = async (actor, room_id, may) => {
    const room = await storage.rooms.find(room_id)
    if (!room) throw new MeshError('ROOM_NOT_FOUND')
    if (actor === 'administrator') return { room, member: undefined }
    const member = await storage.rooms.member(room_id, actor.user_id)
    const defaultDecision = member !== undefined && actionsOf[member.role].has(may)
    const action = askedAs[may]
    const resource = { room_id, role: member?.role }
    const isAllowed = action ? await decide({ principal: actor, action, resource, defaultDecision }) : defaultDecision
    if (!isAllowed) throw new MeshError('ACCESS_DENIED')
    return { room, member }
  }

  async function reread(room_id: string): Promise<Room> {
    const room = await storage.rooms.find(room_id)
    if (!room) throw new MeshError('ROOM_NOT_FOUND')
    return room
  }

  function merge(old: RoomPolicy, change: NonNullable<RoomChange['policy']>): RoomPolicy {
    for (const cap of roles.flatMap((role) => change.caps?.[role] ?? [])) {
      if (!engine.knownCaps.includes(cap)) {
        throw new MeshError('BAD_MESSAGE', undefined, { reason: 'unknown_capability', path: 'policy.caps' })
      }
    }
    // Left-out fields are absent after parsing, so that spreading never puts an undefined over a value.
    return { ...old, ...change, ...(change.caps ? { caps: { ...old.caps, ...change.caps } } : {}) } as RoomPolicy
  }

  return {
    authorize,

    async create(owner_user_id, name, asker) {
      const actor = asker ?? { user_id: owner_user_id }
      if (asker && asker !== 'administrator') {
        const question = { principal: asker, action: 'room.create', resource: { name }, defaultDecision: true } as const
        if (!(await decide(question))) throw new MeshError('ACCESS_DENIED')
      }
      const owner = await storage.users.find(owner_user_id)
      if (!owner) throw new MeshError('NOT_FOUND', 'No such user')
      const room = { room_id: ids.id('room'), name: cleanName(name), owner_user_id, created_at: clock.now() }
      const event = newEvent('room.created', { user_id: owner_user_id, name: room.name }, actor, {
        action: 'room.create',
        target: owner_user_id,
      })
      const created = await storage.rooms.create(room, event)
      engine.publish(created)
      return { ...room, policy: {}, policy_seq: 0, seq: created.seq }
    },

    get: async (actor, room_id) => (await authorize(actor, room_id, 'join')).room,

    list: (actor, page) =>
      storage.rooms.list({ ...page, user_id: actor === 'administrator' ? undefined : actor.user_id }),

    async update(actor, room_id, { name, policy }) {
      const { room } = await authorize(actor, room_id, 'room.update')
      const change = {
        ...(name === undefined ? {} : { name: cleanName(name) }),
        ...(policy === undefined ? {} : { policy: merge(room.policy, policy) }),
      }
      if (Object.keys(change).length === 0) return room
      const updated = newEvent('room.updated', change, actor, { action: 'room.update', changes: changesOf(change) })
      const event = await write(room_id, storage.rooms.update(room_id, change, updated))
      if (!event) throw new MeshError('ROOM_NOT_FOUND')
      engine.publish(event)
      return reread(room_id)
    },

    async delete(actor, room_id) {
      await authorize(actor, room_id, 'room.delete')
      const note = { at: clock.now(), action: 'room.delete', outcome: 'ok', room_id, ...actorOf(actor) } as const
      if (!(await write(room_id, storage.rooms.delete(room_id, note)))) throw new MeshError('ROOM_NOT_FOUND')
      engine.closeRoom(room_id)
    },

    async members(actor, room_id) {
      await authorize(actor, room_id, 'join')
      return (await storage.rooms.snapshot(room_id))?.members ?? []
    },

    async setMember(actor, room_id, user_id, role) {
      await authorize(actor, room_id, 'members')
      const user = await storage.users.find(user_id)
      if (!user) throw new MeshError('NOT_FOUND', 'No such user')
      const payload = { user_id, username: user.username, role }
      const result = await write(
        room_id,
        storage.rooms.setMember(
          { room_id, user_id, role, at: clock.now() },
          {
            added: newEvent('room.member.added', payload, actor, { action: 'member.add', target: user_id, role }),
            updated: newEvent('room.member.updated', payload, actor, { action: 'member.role', target: user_id, role }),
          },
        ),
      )
      if (result.outcome === 'missing') throw new MeshError('ROOM_NOT_FOUND')
      if (result.outcome === 'last_owner') throw lastOwner()
      if ('event' in result) engine.publish(result.event)
      const member = await storage.rooms.member(room_id, user_id)
      if (!member) throw new MeshError('NOT_FOUND', 'The member was removed meanwhile')
      return member
    },

    async removeMember(actor, room_id, user_id) {
      const isSelf = actor !== 'administrator' && actor.user_id === user_id
      await authorize(actor, room_id, isSelf ? 'join' : 'members')
      const result = await write(
        room_id,
        storage.rooms.removeMember(
          { room_id, user_id },
          newEvent('room.member.removed', { user_id }, actor, { action: 'member.remove', target: user_id }),
        ),
      )
      if (result.outcome === 'missing') throw new MeshError('NOT_FOUND', 'No such member')
      if (result.outcome === 'last_owner') throw lastOwner()
      if ('event' in result) engine.publish(result.event)
    },

    async events(actor, room_id, { after = 0, limit }) {
      const { member } = await authorize(actor, room_id, 'history')
      return storage.events.list(room_id, { after: Math.max(after, hiddenFrom(member)), limit })
    },

    async messages(actor, room_id, page) {
      const { member } = await authorize(actor, room_id, 'history')
      const found = await storage.events.before(room_id, { ...page, type: 'chat.message.created' })
      return found.filter((event) => event.seq > hiddenFrom(member))
    },
  }
}

/** What of a room was changed, for the audit log: the policy word by word, the name without saying which. */
function changesOf({ name, policy }: { name?: string; policy?: RoomPolicy }): string[] {
  const rules = Object.entries(policy ?? {}).map(([rule, value]) => `${rule}=${JSON.stringify(value)}`)
  return name === undefined ? rules : ['name', ...rules]
}

/** The `seq` up to which history is not for this member. */
function hiddenFrom(member: Member | undefined): number {
  return member?.role === 'guest' ? member.joined_seq - 1 : 0
}

function lastOwner(): MeshError {
  return new MeshError('CONFLICT', 'A room keeps at least one owner', { reason: 'last_owner' })
}
