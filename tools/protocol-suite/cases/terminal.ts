import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { has, id, refused } from '../world.ts'
import { control, meet, released, share, shared, taken, title } from './terminals.ts'

/** §9: terminals are shared with a room and controlled by one at a time. */
export const terminal: Case[] = [
  rule(
    'terminal.share',
    '§5 §9',
    'A share is answered, told to the room, durable, and in what later ones see.',
    async (t) => {
      const { room, users, peers } = await meet(t, 'owner', 'member')
      const [a, host] = peers
      const terminal_id = await share(host!, room)
      const started = await a!.next('terminal.share.started')
      has(started.payload, { terminal_id, seq: /^\d+$/ })
      assert.match(terminal_id, id('term'))
      const { payload } = await a!.ask('room.join', room, {})
      has((payload.terminals as object[])[0], { terminal_id, title, peer_id: host!.peer_id })
      has(await host!.ask('terminal.share.stop', 'server', { terminal_id }), { type: 'terminal.share.stopped' })
      has((await a!.next('terminal.share.stopped')).payload, { terminal_id })
      assert.deepEqual((await a!.ask('room.join', room, {})).payload.terminals, [])
      const { body } = await t.api(users[0], 'GET', `/rooms/${room}/events?limit=1000`)
      const types = (body.data as { type: string; seq: number }[]).map(({ type }) => type)
      assert.deepEqual(types.slice(-2), ['terminal.share.started', 'terminal.share.stopped'])
      refused(await host!.ask('terminal.share.stop', 'server', { terminal_id }), 'NOT_FOUND', 'CONFLICT')
    },
  ),
  rule(
    'terminal.share-again',
    '§13',
    'A repeated start acts once; the same id with another body is CONFLICT.',
    async (t) => {
      const { room, peers } = await meet(t, 'owner')
      const [a] = peers
      const payload = { room_id: room, title }
      const same = { id: '0190c6f2-7a3b-4c1d-8e2f-0123456789ab' }
      const first = await a!.ask('terminal.share.start', room, payload, same)
      has(first, { type: 'terminal.share.started' })
      const second = await a!.ask('terminal.share.start', room, payload, same)
      has(second.payload, { terminal_id: first.payload.terminal_id })
      refused(await a!.ask('terminal.share.start', room, { ...payload, title: 'another' }, same), 'CONFLICT')
      assert.equal(((await a!.ask('room.join', room, {})).payload.terminals as unknown[]).length, 1)
    },
  ),
  rule('terminal.who-shares', '§13', 'Members and owners start shares, guests do not.', async (t) => {
    const { room, peers } = await meet(t, 'owner', 'guest')
    const payload = { room_id: room, title }
    refused(await peers[1]!.ask('terminal.share.start', room, payload), 'ACCESS_DENIED')
    await t.settle(peers[1]!)
    assert.deepEqual(peers[0]!.all('terminal.share.started'), [])
  }),
  rule(
    'terminal.who-stops',
    '§9',
    "Another member does not stop a host's share, and strangers do not know it.",
    async (t) => {
      const [owner, host, member, stranger] = await t.people(4)
      const others = [host!, member!].map((user) => [user, 'member'] as const)
      const room = await t.room(owner!, others)
      const peer = await t.enter(host!, room)
      t.needs(peer, 'terminal')
      const terminal_id = await share(peer, room)
      const stop = { terminal_id }
      refused(await (await t.enter(member!, room)).ask('terminal.share.stop', 'server', stop), 'ACCESS_DENIED')
      const outside = await t.connect(stranger!)
      refused(await outside.ask('terminal.share.stop', 'server', stop), 'NOT_FOUND', 'ACCESS_DENIED')
      refused(await outside.ask('terminal.control.release', 'server', stop), 'NOT_FOUND', 'ACCESS_DENIED')
      assert.deepEqual(peer.all('terminal.share.stopped'), [])
    },
  ),
  rule('terminal.unknown', '§3', 'An unknown terminal is NOT_FOUND.', async (t) => {
    const { peers } = await meet(t, 'owner')
    const terminal_id = `term_${'n'.repeat(22)}`
    refused(await peers[0]!.ask('terminal.share.stop', 'server', { terminal_id }), 'NOT_FOUND')
    refused(await peers[0]!.ask('terminal.control.take', 'server', { terminal_id, cap_token: 'x' }), 'NOT_FOUND')
    refused(await peers[0]!.ask('terminal.control.release', 'server', { terminal_id }), 'NOT_FOUND')
  }),
  rule('terminal.left', '§9', 'Control ends at once when the holder leaves the room.', async (t) => {
    const { room, a, b, host, terminal_id } = await shared(t)
    const fence = await taken(t, a, room, host, terminal_id)
    await a.ask('room.leave', room, {})
    has((await released(host, terminal_id, 2_000)).payload, { fence })
    await taken(t, b, room, host, terminal_id)
  }),
  rule('terminal.removed', '§6 §9', 'Control ends at once when the holder is removed or demoted.', async (t) => {
    const { room, users, a, b, host, terminal_id } = await shared(t)
    const member = `/rooms/${room}/members/${users[1]!.user_id}`
    const fence = await taken(t, b, room, host, terminal_id)
    await t.api(users[0], 'PUT', member, { role: 'member' })
    has((await released(host, terminal_id, 2_000)).payload, { fence })
    await t.api(users[0], 'PUT', member, { role: 'owner' })
    const again = await taken(t, b, room, host, terminal_id)
    await t.api(users[0], 'DELETE', member)
    has((await released(host, terminal_id, 2_000)).payload, { fence: again })
    await taken(t, a, room, host, terminal_id)
  }),
  rule('terminal.host-gone', '§9', 'When the host leaves, its terminals are no more.', async (t) => {
    const { room, a, host, terminal_id } = await shared(t)
    await taken(t, a, room, host, terminal_id)
    const cap_token = await control(t, a, room, host)
    await host.ask('room.leave', room, {})
    has((await a.next('terminal.share.stopped')).payload, { terminal_id })
    refused(await a.ask('terminal.control.take', 'server', { terminal_id, cap_token }), 'NOT_FOUND', 'UNROUTABLE')
    assert.deepEqual((await a.ask('room.join', room, {})).payload.terminals, [])
  }),
  rule('terminal.stopped', '§9', 'Stopping the share ends the control of it.', async (t) => {
    const { room, a, host, terminal_id } = await shared(t)
    const fence = await taken(t, a, room, host, terminal_id)
    const cap_token = await control(t, a, room, host)
    await host.ask('terminal.share.stop', 'server', { terminal_id })
    await a.next('terminal.share.stopped')
    const renew = { terminal_id, fence, cap_token }
    refused(await a.ask('terminal.control.renew', 'server', renew), 'NOT_FOUND', 'CONFLICT')
  }),
  rule('terminal.no-keystrokes', '§9', 'No event carries keystrokes or output.', async (t) => {
    const { room, a, terminal_id } = await shared(t)
    for (const type of ['terminal.input', 'terminal.output', 'terminal.data', 'terminal.resize']) {
      const answer = refused(await a.ask(type, 'server', { terminal_id, data: 'ls' }), 'BAD_MESSAGE')
      has(answer.payload, { reason: 'unknown_type' })
    }
    const start = { room_id: room, title: 'x'.repeat(1_100) }
    refused(await a.ask('terminal.share.start', room, start), 'MESSAGE_TOO_LARGE')
  }),
]
