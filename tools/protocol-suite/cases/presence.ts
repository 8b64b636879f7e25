import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { delay, has, refused } from '../world.ts'
import type { Frame, Wire } from '../wire.ts'

const of = (peer: Wire, status?: string) => (frame: Frame) =>
  frame.type === 'presence.update' &&
  frame.payload.peer_id === peer.peer_id &&
  (status === undefined || frame.payload.status === status)

/** §5: who is here, and whether they can be disturbed. */
export const presence: Case[] = [
  rule('presence.online', '§5', 'Who joins is online to the others.', async (t) => {
    const { room, users, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    const update = await a!.next(of(b!))
    has(update, { from: 'server', to: room })
    has(update.payload, { user_id: users[1]!.user_id, status: 'online' })
    assert.ok(!Number.isNaN(Date.parse(String(update.payload.last_seen))), 'last_seen')
  }),
  rule(
    'presence.update',
    '§5 §13',
    'An update reaches the room, and is itself answered only by an error.',
    async (t) => {
      const { room, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const sent = b!.send('presence.update', room, { status: 'busy', note: 'in a meeting' })
      has((await a!.next(of(b!, 'busy'))).payload, { note: 'in a meeting' })
      await t.settle(b!)
      assert.deepEqual(
        b!.all((frame) => frame.reply_to === sent),
        [],
      )
    },
  ),
  rule('presence.snapshot', '§5', 'Who joins later sees the present state.', async (t) => {
    const [a, b] = await t.people(2)
    const room = await t.room(a!, [[b!, 'member']])
    const first = await t.enter(a!, room)
    first.send('presence.update', room, { status: 'away', note: 'lunch' })
    await t.settle(first)
    const second = await t.enter(b!, room)
    const peers = second.all('room.joined')[0]!.payload.peers as Record<string, unknown>[]
    has(
      peers.find(({ peer_id }) => peer_id === first.peer_id),
      { status: 'away', note: 'lunch' },
    )
  }),
  rule('presence.coalesced', '§5', 'At most one update per peer and 250 ms; the latest state wins.', async (t) => {
    const { room, peers } = await t.meet('owner', 'member')
    const [a, b] = peers
    await delay(300)
    const before = a!.all(of(b!)).length
    const came: number[] = []
    a!.socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (of(b!)(frame)) came.push(Date.now())
    })
    for (const status of ['away', 'busy', 'away', 'online', 'busy']) b!.send('presence.update', room, { status })
    await delay(900)
    const updates = a!.all(of(b!)).slice(before)
    assert.ok(updates.length >= 1 && updates.length <= 2, `${updates.length} updates for five in one moment`)
    has(updates.at(-1)!.payload, { status: 'busy' }, 'the latest')
    // A little less than 250 ms, since two frames need not travel equally long.
    if (came.length === 2) assert.ok(came[1]! - came[0]! > 150, `${came[1]! - came[0]!} ms apart`)
  }),
  rule(
    'presence.states',
    '§5',
    'A client is online, away or busy; the other states are not its to claim.',
    async (t) => {
      const { room, peers } = await t.meet('owner')
      for (const status of ['reconnecting', 'offline', 'here', 7]) {
        refused(await peers[0]!.ask('presence.update', room, { status }), 'BAD_MESSAGE')
      }
    },
  ),
  rule('presence.size', '§12', 'Presence has 512 bytes.', async (t) => {
    const { room, peers } = await t.meet('owner')
    const update = { status: 'away', note: 'x'.repeat(600) }
    refused(await peers[0]!.ask('presence.update', room, update), 'MESSAGE_TOO_LARGE')
  }),
  rule(
    'presence.gone',
    '§5',
    'A lost connection shows as reconnecting while it may come back, as offline if not.',
    async (t) => {
      const { room, peers } = await t.meet('owner', 'member')
      const [a, b] = peers
      const { window_s } = b!.welcome.payload.resume as { window_s: number }
      b!.socket.terminate()
      const update = await a!.next((frame) => of(b!)(frame) && frame.payload.status !== 'online')
      assert.equal(update.payload.status, window_s > 0 ? 'reconnecting' : 'offline')
      has(update, { to: room })
    },
  ),
]
