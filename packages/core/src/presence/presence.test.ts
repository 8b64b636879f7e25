import { describe, expect, it } from 'vitest'
import { createWorld, join, settle } from '../testing/kit.ts'

async function pair() {
  const world = await createWorld()
  const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
  world.clock.advance(1_000)
  const say = (status: string, note?: string) => a.send('presence.update', world.room, { status, note })
  const seen = () => b.frames.filter(({ type, payload }) => type === 'presence.update' && payload.peer_id === a.peer_id)
  return { ...world, a, b, say, seen }
}

describe('presence', () => {
  it('is told to the others, and shown to those who come later', async () => {
    const { a, say, seen, cleo, ann, room, connect } = await pair()
    say('busy', 'on a call')
    await settle(a)
    const shown = {
      peer_id: a.peer_id,
      user_id: ann,
      status: 'busy',
      note: 'on a call',
      last_seen: '2026-01-01T00:00:01.000Z',
    }
    expect(seen().at(-1)).toMatchObject({ from: 'server', to: room, payload: shown })
    expect(a.frames.some(({ type, payload }) => type === 'presence.update' && payload.peer_id === a.peer_id)).toBe(
      false,
    )
    const c = await connect(cleo)
    expect((await join(c, room)).payload.peers).toEqual(expect.arrayContaining([shown]))
  })

  it('is coalesced: the first at once, then the latest after 250 ms', async () => {
    const { a, clock, say, seen } = await pair()
    await settle(a)
    const before = seen().length
    for (const status of ['away', 'busy', 'online', 'away']) say(status)
    expect(
      seen()
        .slice(before)
        .map(({ payload }) => payload.status),
    ).toEqual(['away'])
    say('busy', 'x')
    clock.advance(249)
    expect(seen()).toHaveLength(before + 1)
    clock.advance(1)
    expect(
      seen()
        .slice(before)
        .map(({ payload }) => payload.status),
    ).toEqual(['away', 'busy'])
    expect(seen().at(-1)?.payload.note).toBe('x')
    say('online')
    clock.advance(249)
    expect(seen()).toHaveLength(before + 2)
    clock.advance(1)
    expect(seen().at(-1)?.payload).not.toHaveProperty('note')
    clock.advance(10_000)
    expect(seen()).toHaveLength(before + 3)
    say('away')
    expect(seen()).toHaveLength(before + 4)
  })

  it('is coalesced for each peer and room apart', async () => {
    const { a, b, say, seen, mesh, ann, bob, room } = await pair()
    const { room_id } = await mesh.rooms.create(ann, 'Other')
    await mesh.rooms.setMember('administrator', room_id, bob, 'member')
    for (const client of [a, b]) await join(client, room_id)
    await settle(a, b)
    const before = seen().length
    say('away')
    b.send('presence.update', room, { status: 'busy' })
    expect(seen().slice(before)).toHaveLength(1)
    expect(a.frames.at(-1)?.payload).toMatchObject({ peer_id: b.peer_id, status: 'busy' })
    // To the other room nothing was said.
    expect(
      seen()
        .slice(before)
        .map(({ to }) => to),
    ).toEqual([room])
  })

  it('of somebody who left meanwhile is not told any more', async () => {
    const { a, clock, say, seen, room } = await pair()
    await settle(a)
    say('away')
    say('busy')
    await a.ask('room.leave', room, {})
    const before = seen().length
    clock.advance(1_000)
    expect(seen()).toHaveLength(before)
  })

  it('is one of three', async () => {
    const { a, room } = await pair()
    for (const status of ['offline', 'reconnecting', 'invisible', 1]) {
      expect(await a.ask('presence.update', room, { status })).toMatchObject({ code: 'BAD_MESSAGE' })
    }
    expect(await a.ask('presence.update', room, { status: 'away', note: 'x'.repeat(129) })).toMatchObject({
      code: 'BAD_MESSAGE',
    })
  })
})
