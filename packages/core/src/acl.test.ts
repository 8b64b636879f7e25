import { describe, expect, it } from 'vitest'
import { actionsOf, capsOf, isDemotion, roles, type Role } from './acl.ts'
import { clientEvents } from './protocol.ts'
import { createWorld, newRtcId, sdpOf, settle, type World } from './testing/kit.ts'
import type { TestClient } from './testing/index.ts'
import { p2pEnd } from './testing/p2p-kit.ts'
import { share } from './testing/terminal-kit.ts'

/** How somebody stands to the room. */
const standings = [
  'owner in',
  'member in',
  'guest in',
  'owner out',
  'member out',
  'guest out',
  'removed',
  'stranger',
] as const
type Standing = (typeof standings)[number]

const denied = 'ACCESS_DENIED'
const ok = 'ok'
const all = (outcome: string) =>
  Object.fromEntries(standings.map((standing) => [standing, outcome])) as Record<Standing, string>
/** For everybody in the room one outcome, for everybody else another. */
const inside = (outcome: string, outside = denied, roles: Role[] = ['owner', 'member', 'guest']) =>
  Object.fromEntries(
    standings.map((standing) => [
      standing,
      standing.endsWith(' in') && roles.includes(standing.split(' ')[0] as Role) ? outcome : outside,
    ]),
  ) as Record<Standing, string>
const members = (outcome: string, roles: Role[]) =>
  Object.fromEntries(
    standings.map((standing) => [standing, roles.includes(standing.split(' ')[0] as Role) ? outcome : denied]),
  ) as Record<Standing, string>
const everybody: Role[] = ['owner', 'member', 'guest']

interface Row {
  name: string
  type: keyof typeof clientEvents
  to: (w: World, other: TestClient) => string
  payload: (w: World, other: TestClient) => object | Promise<object>
  expected: Record<Standing, string>
}

const room = (w: World) => w.room
const server = () => 'server'
const peer = (_w: World, other: TestClient) => other.peer_id
const request = (cap: string, expected: Row['expected']): Row => ({
  name: `capability.request ${cap}`,
  type: 'capability.request',
  to: server,
  payload: (w) => ({ room_id: w.room, caps: [cap], target_peer_id: `peer_${'t'.repeat(22)}` }),
  expected,
})
const signal = (type: Row['type'], payload: object): Row => ({
  name: type,
  type,
  to: peer,
  payload: () => ({ rtc_id: newRtcId(), ...payload }),
  expected: all('NOT_FOUND'),
})
const session = (type: Row['type'], payload: object): Row => ({
  name: type,
  type,
  to: server,
  payload: () => ({ session_id: `p2p_${'n'.repeat(22)}`, ...payload }),
  expected: all('NOT_FOUND'),
})

/** About a terminal that a peer of bob, the member, shares: outside the room nobody knows of it. */
const terminal = (type: Row['type'], payload: object, expected: Row['expected'], what = ''): Row => ({
  name: `${type}${what}`,
  type,
  to: server,
  payload: async (w, other) => ({ terminal_id: await share(other, w.room), ...payload }),
  expected: { ...expected, removed: 'NOT_FOUND', stranger: 'NOT_FOUND' },
})

/** Role × event × membership: what becomes of it. */
const matrix: Row[] = [
  { name: 'room.join', type: 'room.join', to: room, payload: () => ({}), expected: members(ok, everybody) },
  { name: 'room.leave', type: 'room.leave', to: room, payload: () => ({}), expected: inside(ok) },
  {
    name: 'presence.update',
    type: 'presence.update',
    to: room,
    payload: () => ({ status: 'busy' }),
    expected: inside(ok),
  },
  {
    name: 'chat.message.send',
    type: 'chat.message.send',
    to: room,
    payload: () => ({ text: 'x' }),
    expected: inside(ok),
  },
  request('call', members(ok, everybody)),
  request('screen', members(ok, ['owner', 'member'])),
  request('share:file', members(ok, ['owner', 'member'])),
  request('share:folder', members(ok, ['owner', 'member'])),
  request('terminal:view', members(ok, ['owner', 'member'])),
  request('terminal:control', members(ok, ['owner'])),
  {
    name: 'rtc.offer without a token',
    type: 'rtc.offer',
    to: peer,
    payload: (w) => ({ rtc_id: newRtcId(), room_id: w.room, purpose: 'call', sdp: sdpOf() }),
    expected: inside('CAP_REQUIRED'),
  },
  {
    name: 'rtc.offer with a forged one',
    type: 'rtc.offer',
    to: peer,
    payload: (w) => ({ rtc_id: newRtcId(), room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token: 'a.b.c' }),
    expected: inside('CAP_INVALID'),
  },
  {
    name: 'p2p.session.request without a token',
    type: 'p2p.session.request',
    to: peer,
    payload: (w) => ({ ...p2pEnd(), room_id: w.room, purpose: 'share:file' }),
    expected: inside('CAP_REQUIRED'),
  },
  {
    name: 'p2p.session.request with a forged one',
    type: 'p2p.session.request',
    to: peer,
    payload: (w) => ({ ...p2pEnd(), room_id: w.room, purpose: 'share:file', cap_token: 'a.b.c' }),
    expected: inside('CAP_INVALID'),
  },
  session('p2p.session.accept', p2pEnd()),
  session('p2p.session.reject', { reason: 'busy' }),
  session('p2p.session.renew', {}),
  session('p2p.session.closed', { reason: 'failed' }),
  signal('rtc.answer', { sdp: sdpOf() }),
  signal('rtc.ice', { candidate: null }),
  signal('rtc.bye', { reason: 'hangup' }),
  {
    name: 'terminal.share.start',
    type: 'terminal.share.start',
    to: room,
    payload: (w) => ({ room_id: w.room, title: 'x' }),
    expected: inside(ok, denied, ['owner', 'member']),
  },
  terminal('terminal.share.stop', {}, inside(ok, denied, ['owner'])),
  terminal('terminal.control.take', {}, inside('CAP_REQUIRED')),
  terminal('terminal.control.take', { cap_token: 'a.b.c' }, inside('CAP_INVALID'), ' with a forged token'),
  terminal('terminal.control.take', { force: true }, inside('CAP_REQUIRED', denied, ['owner', 'member']), ' by force'),
  terminal('terminal.control.renew', { fence: 1 }, inside('CAP_REQUIRED')),
  terminal('terminal.control.release', {}, inside('CONFLICT')),
  { name: 'system.ping', type: 'system.ping', to: server, payload: () => ({}), expected: all(ok) },
  { name: 'system.pong', type: 'system.pong', to: server, payload: () => ({}), expected: all(ok) },
  { name: 'system.ack', type: 'system.ack', to: server, payload: () => ({ received: 0 }), expected: all(ok) },
  {
    name: 'system.token.refresh',
    type: 'system.token.refresh',
    to: server,
    payload: () => ({ token: 'x' }),
    expected: all('AUTH_INVALID'),
  },
]

async function stand(w: World, standing: Standing): Promise<TestClient> {
  if (standing === 'stranger') return w.connect(w.dan)
  if (standing === 'removed') {
    await w.setRole(w.dan, 'owner')
    const client = await w.enter(w.dan)
    await w.remove(w.dan)
    return client
  }
  const [role = '', where] = standing.split(' ')
  const who = { owner: w.ann, member: w.bob, guest: w.cleo }[role] ?? ''
  return where === 'in' ? w.enter(who) : w.connect(who)
}

describe('who may what', () => {
  it('is decided for every event there is', () => {
    const covered = new Set(matrix.map(({ type }) => type))
    expect(Object.keys(clientEvents).filter((type) => !covered.has(type as Row['type']))).toEqual(['system.hello'])
  })

  describe.each(standings)('%s', async (standing) => {
    const w = await createWorld()
    const other = await w.enter(w.bob)

    it.each(matrix)('$name', async ({ type, to, payload, expected }) => {
      const client = await stand(w, standing)
      const body = await payload(w, other)
      await settle(other)
      const before = other.frames.length
      const id = client.send(type, to(w, other), body)
      await settle(client)
      const error = client.frames.find((frame) => frame.type === 'error' && frame.reply_to === id)
      expect(error?.code ?? ok).toBe(expected[standing])
      // What is refused is heard of by nobody.
      if (error) expect(other.frames.slice(before).filter(({ type }) => !type.startsWith('system.'))).toEqual([])
      client.vanish()
    })
  })
})

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
