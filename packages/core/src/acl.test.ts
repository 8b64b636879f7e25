import { describe, expect, it } from 'vitest'
import { actionsOf, capsOf, isDemotion, roles, type Role } from './acl.ts'
import { createWorld, settle, type World } from './testing/kit.ts'

const denied = 'ACCESS_DENIED'
const ok = 'ok'
const everybody: Role[] = ['owner', 'member', 'guest']

describe('an action that a role may not', () => {
  it.each([
    ['chat', 'chat.message.send', { text: 'x' }],
    ['presence', 'presence.update', { status: 'busy' }],
    ['join', 'room.join', {}],
  ] as const)('is refused by the table: %s', async (action, type, payload) => {
    const w = await createWorld()
    const [a, c] = [await w.enter(w.ann), await w.enter(w.cleo)]
    // Today's table refuses nobody in the room an event; it is the same object that the router reads.
    const may = actionsOf.guest as Set<typeof actionsOf.guest extends ReadonlySet<infer A> ? A : never>
    may.delete(action)
    try {
      expect(await c.ask(type, w.room, payload)).toMatchObject({ code: denied })
      a.send(type, w.room, payload)
      await settle(a)
      expect(a.frames.some((frame) => frame.type === 'error')).toBe(false)
    } finally {
      may.add(action)
    }
  })
})

describe('the administration of a room', () => {
  type Act = (w: World, actor: { user_id: string }) => Promise<unknown>
  const acts: [string, Act, Role[]][] = [
    ['read', (w, who) => w.mesh.rooms.get(who, w.room), everybody],
    ['list members', (w, who) => w.mesh.rooms.members(who, w.room), everybody],
    ['history', (w, who) => w.mesh.rooms.events(who, w.room, { limit: 1 }), everybody],
    ['messages', (w, who) => w.mesh.rooms.messages(who, w.room, { limit: 1 }), everybody],
    ['rename', (w, who) => w.mesh.rooms.update(who, w.room, { name: 'x' }), ['owner']],
    ['set the policy', (w, who) => w.mesh.rooms.update(who, w.room, { policy: { relay_only: true } }), ['owner']],
    ['add a member', async (w, who) => w.mesh.rooms.setMember(who, w.room, await w.user('new'), 'guest'), ['owner']],
    ['raise oneself', (w, who) => w.mesh.rooms.setMember(who, w.room, who.user_id, 'owner'), ['owner']],
    [
      'remove another',
      (w, who) => w.mesh.rooms.removeMember(who, w.room, who.user_id === w.cleo ? w.bob : w.cleo),
      ['owner'],
    ],
    [
      'leave for good',
      async (w, who) => (await w.setRole(w.dan, 'owner'), w.mesh.rooms.removeMember(who, w.room, who.user_id)),
      everybody,
    ],
    ['delete', (w, who) => w.mesh.rooms.delete(who, w.room), ['owner']],
  ]
  const cells = acts.flatMap(([name, act, may]) =>
    [...roles, 'stranger' as const].map((role) => ({
      name,
      act,
      role,
      may: role !== 'stranger' && may.includes(role),
    })),
  )

  it.each(cells)('$name, as $role: $may', async ({ act, role, may }) => {
    const w = await createWorld()
    const user_id = { owner: w.ann, member: w.bob, guest: w.cleo, stranger: await w.user('stranger') }[role]
    const outcome = await act(w, { user_id }).then(
      () => ok,
      (error: { code: string }) => error.code,
    )
    expect(outcome).toBe(may ? ok : denied)
    const gone = `room_${'n'.repeat(22)}`
    await expect(act({ ...w, room: gone, setRole: async () => ({}) as never }, { user_id })).rejects.toMatchObject({
      code: 'ROOM_NOT_FOUND',
    })
  })
})

describe('roles', () => {
  it('may the less the lower they are', () => {
    expect(roles.map((role) => [...actionsOf[role]].length)).toEqual([11, 7, 5])
    for (const [higher, lower] of [
      ['owner', 'member'],
      ['member', 'guest'],
      ['owner', 'guest'],
    ] as const) {
      for (const action of actionsOf[lower]) expect(actionsOf[higher].has(action), action).toBe(true)
      expect([isDemotion(higher, lower), isDemotion(lower, higher), isDemotion(lower, lower)]).toEqual([
        true,
        false,
        false,
      ])
    }
    expect(capsOf('guest', {}, ['own'])).toEqual(['call'])
    expect(capsOf('owner', { caps: { owner: [] } }, ['own'])).toEqual([])
  })
})
