import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { candidate, sdp } from '../sdp.ts'
import type { User } from '../users.ts'
import { closes, denied, has, refused, type World } from '../world.ts'
import { agents, close, session } from './agents.ts'
import { bye, open, ring } from './calls.ts'
import { released, share, taken } from './terminals.ts'

/** A user who may be ruined, as a member of another's room, both there. */
async function guestOf(t: World) {
  const [owner] = await t.people(1)
  const victim = await t.fresh()
  const room = await t.room(owner!, [[victim, 'member']])
  return { owner: owner!, victim, room, keeper: await t.enter(owner!, room), peer: await t.enter(victim, room) }
}

/** The login of a user is over: no token of it is good for anything. */
async function loggedOut(t: World, user: User): Promise<void> {
  denied(await t.api(user, 'GET', '/me'), 401, 'AUTH_INVALID')
  const wire = await t.open()
  refused(await wire.ask('system.hello', 'server', { token: user.token }), 'AUTH_INVALID')
  await closes(wire, 4100)
  const { refresh_token } = user
  denied(await t.api(undefined, 'POST', '/auth/refresh', { refresh_token }), 401, 'AUTH_INVALID')
}

/** §6: what is taken away is gone at once, and the other side is told. */
export const revocation: Case[] = [
  rule('revocation.removed', '§5 §6', 'Who is removed is told, and hears nothing more of the room.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member', 'member')
    const [a, b, c] = peers
    await t.api(users[0], 'DELETE', `/rooms/${room}/members/${users[1]!.user_id}`)
    const payload = { room_id: room, peer_id: b!.peer_id, reason: 'removed' }
    has(await b!.next('room.left'), { payload })
    has(await c!.next('room.left'), { payload })
    const last = b!.frames.length
    await a!.ask('chat.message.send', room, { text: 'they are gone' })
    a!.send('presence.update', room, { status: 'busy' })
    refused(await b!.ask('chat.message.send', room, { text: 'no' }), 'ACCESS_DENIED')
    refused(await b!.ask('room.join', room, {}), 'ACCESS_DENIED')
    refused(await b!.ask('capability.request', 'server', { room_id: room, caps: ['call'] }), 'ACCESS_DENIED')
    await t.settle(a!, b!)
    const after = b!.frames.slice(last).map(({ type }) => type)
    assert.deepEqual(after, ['error', 'error', 'error', 'system.pong'])
    denied(await t.api(users[1], 'GET', `/rooms/${room}/messages`), 403, 'ACCESS_DENIED')
  }),
  rule('revocation.removed-everywhere', '§6', 'A removal meets every peer of the user.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const second = await t.enter(users[1]!, room)
    await t.api(users[0], 'DELETE', `/rooms/${room}/members/${users[1]!.user_id}`)
    for (const peer of [peers[1]!, second]) has((await peer.next('room.left')).payload, { reason: 'removed' })
  }),
  rule(
    'revocation.traffic',
    '§5 §6',
    'Whatever is under way, nothing of or for the member comes after the removal.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const rtc_id = await open(t, b!, a!, room)
      for (let i = 0; i < 6; i++) b!.send('chat.message.send', room, { text: `${i}` })
      for (let i = 0; i < 20; i++) b!.send('rtc.ice', a!.peer_id, { rtc_id, candidate: candidate(i) })
      for (let i = 0; i < 4; i++) a!.send('chat.message.send', room, { text: `from the owner ${i}` })
      await t.api(users[0], 'DELETE', `/rooms/${room}/members/${users[1]!.user_id}`)
      const answered = a!.frames.length
      for (let i = 0; i < 4; i++) a!.send('chat.message.send', room, { text: `later ${i}` })
      await t.settle(a!, b!)
      const { body } = await t.api(users[0], 'GET', `/rooms/${room}/events?limit=1000`)
      const events = body.data as { type: string; payload: { user_id?: string } }[]
      const removed = events.findIndex(({ type }) => type === 'room.member.removed')
      const late = events.slice(removed + 1).filter(({ payload }) => payload.user_id === users[1]!.user_id)
      assert.deepEqual(late, [], 'in the history')
      const signals = a!.frames.slice(answered).filter(({ type, from }) => type === 'rtc.ice' && from === b!.peer_id)
      assert.deepEqual(signals, [], 'signals after the answer to the removal')
      const left = b!.frames.findIndex(({ type }) => type === 'room.left')
      const heard = b!.frames.slice(left + 1).filter(({ to }) => to === room)
      assert.ok(left !== -1)
      assert.deepEqual(heard, [], 'told to the removed')
    },
  ),
  rule(
    'revocation.within',
    '§6',
    'A removal ends a call within 100 ms: one end gets a bye, the other is out of the room.',
    async (t) => {
      // A shared machine may stop for longer than that in the middle, so that one of three is enough.
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const path = `/rooms/${room}/members/${users[1]!.user_id}`
      const waits: number[] = []
      for (let i = 0; i < 3; i++) {
        const rtc_id = await open(t, a!, b!, room)
        const ended = bye(a!, rtc_id, 'revoked').then(() => Date.now())
        const left = b!.next('room.left').then(() => Date.now())
        assert.equal((await t.api(users[0], 'DELETE', path)).status, 204)
        const answered = Date.now()
        waits.push(Math.max(await ended, await left) - answered)
        if (waits[i]! <= 100) return
        await t.api(users[0], 'PUT', path, { role: 'member' })
        await b!.ask('room.join', room, {})
      }
      assert.fail(`after the answer to the removal it took ${waits.join(', ')} ms`)
    },
  ),
  rule(
    'revocation.call',
    '§6 §7',
    'A removal ends calls that are open and calls that ring, and tells the other end.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member', 'member')
      const [a, b, c] = peers
      const talking = await open(t, a!, b!, room)
      const ringingAt = await ring(t, c!, b!.peer_id, room)
      await b!.next((frame) => frame.payload.rtc_id === ringingAt)
      const ringingFrom = await ring(t, b!, a!.peer_id, room)
      await a!.next((frame) => frame.payload.rtc_id === ringingFrom)
      await t.api(users[0], 'DELETE', `/rooms/${room}/members/${users[1]!.user_id}`)
      await bye(a!, talking, 'revoked')
      await bye(c!, ringingAt, 'revoked')
      await bye(a!, ringingFrom, 'revoked')
      refused(await a!.ask('rtc.ice', b!.peer_id, { rtc_id: talking, candidate: candidate() }), 'NOT_FOUND')
      refused(await b!.ask('rtc.answer', a!.peer_id, { rtc_id: talking, sdp: sdp() }), 'NOT_FOUND')
    },
  ),
  rule(
    'revocation.demoted',
    '§6',
    'A demotion ends the calls of the member and says so to the other end.',
    async (t) => {
      const { room, users, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const rtc_id = await open(t, b!, a!, room)
      await t.api(users[0], 'PUT', `/rooms/${room}/members/${users[1]!.user_id}`, { role: 'guest' })
      await bye(a!, rtc_id, 'revoked')
      await bye(b!, rtc_id, 'revoked')
      refused(await b!.ask('capability.request', 'server', { room_id: room, caps: ['screen'] }), 'ACCESS_DENIED')
    },
  ),
  rule('revocation.room-deleted', '§5 §6', 'Deleting a room ends its calls.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const rtc_id = await open(t, b!, a!, room)
    await t.api(users[0], 'DELETE', `/rooms/${room}`)
    for (const [peer, other] of [
      [a!, b!],
      [b!, a!],
    ] as const) {
      // That the room is gone says as much as a bye does.
      has((await peer.next('room.left')).payload, { reason: 'deleted' })
      refused(await peer.ask('rtc.ice', other.peer_id, { rtc_id, candidate: candidate() }), 'NOT_FOUND')
    }
  }),
  rule('revocation.elsewhere', '§6', 'What happens in one room leaves the others alone.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const other = await t.room(users[0]!, [[users[1]!, 'member']])
    for (const peer of peers) await peer.ask('room.join', other, {})
    const rtc_id = await open(t, a!, b!, other)
    await t.api(users[0], 'DELETE', `/rooms/${room}/members/${users[1]!.user_id}`)
    await b!.next('room.left')
    a!.send('rtc.ice', b!.peer_id, { rtc_id, candidate: candidate() })
    await b!.next('rtc.ice')
    has(await b!.ask('chat.message.send', other, { text: 'still here' }), { type: 'chat.message.created' })
  }),
  rule(
    'revocation.logout',
    '§3 §11',
    'A logout ends the login: its sockets close with 4101, its tokens are invalid.',
    async (t) => {
      const { victim, peer, keeper } = await guestOf(t)
      const other = { ...victim, ...(await t.users.login(victim)) }
      const elsewhere = await t.connect(other)
      const { refresh_token } = victim
      const { status } = await t.api(undefined, 'POST', '/auth/logout', { refresh_token })
      assert.ok(status === 200 || status === 204, `status ${status}`)
      await closes(peer, 4101)
      await keeper.next((frame) => frame.type === 'presence.update' && frame.payload.status === 'offline')
      await loggedOut(t, victim)
      await t.settle(elsewhere)
      assert.equal((await t.api(other, 'GET', '/me')).status, 200, 'another login lives on')
    },
  ),
  rule('revocation.logout-call', '§6', 'A logout ends the calls of its sockets at once.', async (t) => {
    const { victim, peer, keeper, room } = await guestOf(t)
    const rtc_id = await open(t, keeper, peer, room)
    await t.api(undefined, 'POST', '/auth/logout', { refresh_token: victim.refresh_token })
    await bye(keeper, rtc_id, 'revoked', 'failed')
  }),
  rule(
    'revocation.logout-session',
    '§6 §8 §9',
    'A logout ends sessions between agents, and control of terminals.',
    async (t) => {
      const [owner] = await t.people(1)
      const victim = await t.fresh()
      const room = await t.room(owner!, [[victim, 'owner']])
      const [host, peer] = [await t.enter(owner!, room), await t.enter(victim, room)]
      t.needs(host, 'p2p')
      t.needs(host, 'terminal')
      const { session_id } = await session(t, peer, host, room)
      const terminal_id = await share(host, room)
      const fence = await taken(t, peer, room, host, terminal_id)
      await t.api(undefined, 'POST', '/auth/logout', { refresh_token: victim.refresh_token })
      has((await host.next('p2p.session.closed')).payload, { session_id, reason: 'revoked' })
      has((await released(host, terminal_id, 2_000)).payload, { fence })
    },
  ),
  rule('revocation.room-deleted-session', '§6 §8', 'Deleting a room ends its sessions between agents.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    const { session_id } = await session(t, peers[0]!, peers[1]!, room)
    await t.api(users[0], 'DELETE', `/rooms/${room}`)
    for (const peer of peers) {
      await peer.next('room.left')
      refused(await peer.ask('p2p.session.closed', 'server', close(session_id)), 'NOT_FOUND')
    }
  }),
  rule(
    'revocation.disabled',
    '§6 §11',
    'Disabling a user ends every login and refuses new ones, until enabled again.',
    async (t) => {
      const { victim, peer } = await guestOf(t)
      const path = `/users/${victim.user_id}`
      assert.equal((await t.api(t.admin, 'PATCH', path, { disabled: true })).status, 200)
      await closes(peer, 4101)
      await loggedOut(t, victim)
      const { username, password } = victim
      denied(await t.api(undefined, 'POST', '/auth/login', { username, password }), 401, 'AUTH_INVALID')
      await t.api(t.admin, 'PATCH', path, { disabled: false })
      await t.users.login(victim)
      await loggedOut(t, victim)
    },
  ),
  rule('revocation.deleted', '§11', 'Deleting a user ends every login and membership.', async (t) => {
    const { victim, peer, owner, room, keeper } = await guestOf(t)
    assert.equal((await t.api(t.admin, 'DELETE', `/users/${victim.user_id}`)).status, 204)
    await closes(peer, 4101)
    await loggedOut(t, victim)
    await keeper.next('room.left')
    const { body } = await t.api(owner, 'GET', `/rooms/${room}/members`)
    assert.equal((body.data as unknown[]).length, 1)
  }),
  rule('revocation.reuse', '§11', 'A refresh token used twice kills the family: tokens and sockets.', async (t) => {
    const { victim, peer } = await guestOf(t)
    const { refresh_token } = victim
    const rotated = await t.api(undefined, 'POST', '/auth/refresh', { refresh_token })
    assert.equal(rotated.status, 200)
    const next = { ...victim, token: String(rotated.body.access_token) }
    assert.equal((await t.api(next, 'GET', '/me')).status, 200)
    denied(await t.api(undefined, 'POST', '/auth/refresh', { refresh_token }), 401, 'AUTH_INVALID')
    await closes(peer, 4101)
    await loggedOut(t, { ...next, refresh_token: String(rotated.body.refresh_token) })
  }),
  rule(
    'revocation.password',
    '§11',
    'A new password ends every login, and the old one is no longer good.',
    async (t) => {
      const { victim, peer } = await guestOf(t)
      const change = { current_password: victim.password, new_password: 'another long password of the suite' }
      const wrong = { ...change, current_password: 'not the password' }
      denied(await t.api(victim, 'POST', '/auth/password', wrong), 401, 'AUTH_INVALID')
      const { status } = await t.api(victim, 'POST', '/auth/password', change)
      assert.ok(status === 200 || status === 204, `status ${status}`)
      await closes(peer, 4101)
      await loggedOut(t, victim)
      const { username, password } = victim
      denied(await t.api(undefined, 'POST', '/auth/login', { username, password }), 401, 'AUTH_INVALID')
      await t.users.login({ username, password: change.new_password })
    },
  ),
]
