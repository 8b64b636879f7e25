import { describe, expect, it } from 'vitest'
import { createWorld, openCall, ring, settle, type World } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'

const byes = (client: TestClient) =>
  client.frames.flatMap(({ type, payload }) => (type === 'rtc.bye' ? [payload.reason] : []))
const missed = (client: TestClient) => client.frames.filter(({ type }) => type === 'call.missed').length

interface Party {
  w: World
  caller: TestClient
  callee: TestClient
}

/** What happens to one end, and what the caller and the callee then hear. Null: the session goes on. */
const endings: [string, (p: Party) => Promise<unknown>, { caller: string[]; callee: string[] } | null][] = [
  ['the caller leaves', ({ w, caller }) => caller.ask('room.leave', w.room, {}), { caller: [], callee: ['hangup'] }],
  ['the callee leaves', ({ w, callee }) => callee.ask('room.leave', w.room, {}), { caller: ['hangup'], callee: [] }],
  ['the caller’s connection is lost', async ({ caller }) => caller.vanish(), { caller: [], callee: ['failed'] }],
  ['the callee’s connection is lost', async ({ callee }) => callee.vanish(), { caller: ['failed'], callee: [] }],
  ['the caller is removed', ({ w }) => w.remove(w.bob), { caller: [], callee: ['revoked'] }],
  ['the callee is removed', ({ w }) => w.remove(w.cleo), { caller: ['revoked'], callee: [] }],
  ['the room is deleted', ({ w }) => w.mesh.rooms.delete('administrator', w.room), { caller: [], callee: ['revoked'] }],
  ['the caller is demoted', ({ w }) => w.setRole(w.bob, 'guest'), { caller: ['revoked'], callee: ['revoked'] }],
  [
    'the policy forbids the caller',
    ({ w }) => w.setCaps({ member: ['screen'] }),
    { caller: ['revoked'], callee: ['revoked'] },
  ],
  ['the caller is promoted', ({ w }) => w.setRole(w.bob, 'owner'), null],
  ['the policy forbids the callee to call', ({ w }) => w.setCaps({ guest: [] }), null],
  ['the policy forbids the caller something else', ({ w }) => w.setCaps({ member: ['call'] }), null],
  ['the room is renamed', ({ w }) => w.mesh.rooms.update('administrator', w.room, { name: 'Another' }), null],
  ['somebody else is removed', ({ w }) => w.remove(w.dan), null],
]

describe.each(['ringing', 'open'] as const)('while a call is %s', (state) => {
  it.each(endings)('%s', async (_name, happens, heard) => {
    const w = await createWorld()
    await w.setRole(w.dan, 'member')
    const [caller, callee, other] = [await w.enter(w.bob), await w.enter(w.cleo), await w.enter(w.ann)]
    const rtc_id = await (state === 'ringing' ? ring(caller, w.room, callee.peer_id) : openCall(caller, callee, w.room))
    await happens({ w, caller, callee })
    await settle(other)
    expect({ caller: byes(caller), callee: byes(callee), other: byes(other) }).toEqual({
      ...(heard ?? { caller: [], callee: [] }),
      other: [],
    })
    // Whoever is still connected can tell that the session is gone, or that it is not.
    for (const [from, to] of [
      [caller, callee],
      [callee, caller],
    ] as const) {
      if (from.closed) continue
      const before = from.frames.length
      from.send('rtc.ice', to.peer_id, { rtc_id, candidate: null })
      await settle(from)
      expect(from.frames.slice(before).find(({ type }) => type === 'error')?.code).toBe(heard ? 'NOT_FOUND' : undefined)
    }
    const callerIsGone = _name.startsWith('the caller')
    if (state === 'open' || !heard) expect(missed(other)).toBe(0)
    else if (callerIsGone) expect(missed(other)).toBe(1)
  })
})

describe('a demotion', () => {
  it('of the callee ends the session as well', async () => {
    const w = await createWorld()
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    await openCall(a, b, w.room)
    await w.setRole(w.bob, 'guest')
    expect([byes(a), byes(b)]).toEqual([['revoked'], ['revoked']])
  })

  it('of a callee with other peers ends what rings at all of them', async () => {
    const w = await createWorld()
    const [a, b, b2] = [await w.enter(w.ann), await w.enter(w.bob), await w.enter(w.bob)]
    await ring(a, w.room, w.bob)
    await w.setRole(w.bob, 'guest')
    expect([byes(a), byes(b), byes(b2)]).toEqual([['revoked'], ['revoked'], ['revoked']])
  })

  it('ends every session of its user in the room, and none elsewhere', async () => {
    const w = await createWorld()
    const { room_id } = await w.mesh.rooms.create(w.ann, 'Other')
    await w.mesh.rooms.setMember('administrator', room_id, w.bob, 'member')
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    for (const client of [a, b]) await client.ask('room.join', room_id, {})
    const [here, screen, there] = [
      await openCall(b, a, w.room),
      await ring(b, w.room, a.peer_id, { purpose: 'screen' }),
      await openCall(b, a, room_id),
    ]
    await w.setRole(w.bob, 'guest')
    const ended = a.frames.flatMap(({ type, payload }) => (type === 'rtc.bye' ? [payload.rtc_id] : []))
    expect(ended.sort()).toEqual([here, screen].sort())
    a.send('rtc.bye', b.peer_id, { rtc_id: there, reason: 'hangup' })
    expect((await b.next((frame) => frame.payload.rtc_id === there && frame.type === 'rtc.bye')).payload.reason).toBe(
      'hangup',
    )
  })
})

describe('a party that reads too slowly', () => {
  it('when it is told of the end does not make others hear of it twice', async () => {
    const w = await createWorld({ limits: { socket_buffer_bytes: 1, queue_bytes: 1, resume_window_s: 0 } })
    const [a, b, b2] = [await w.enter(w.ann), await w.enter(w.bob), await w.enter(w.bob)]
    await ring(a, w.room, w.bob)
    b.socket.bufferedAmount = 2
    w.clock.advance(30_000)
    await settle(a)
    expect(b.closed?.code).toBe(4002)
    expect([byes(a), byes(b2)]).toEqual([['timeout'], ['timeout']])
    expect(missed(a)).toBe(1)
  })

  it('when it is told of one end does not have another one counted twice', async () => {
    const w = await createWorld({ limits: { socket_buffer_bytes: 1, queue_bytes: 1, resume_window_s: 0 } })
    const [a, b, c] = [await w.enter(w.ann), await w.enter(w.bob), await w.enter(w.cleo)]
    await ring(b, w.room, a.peer_id)
    await ring(b, w.room, a.peer_id)
    a.socket.bufferedAmount = 2
    await b.ask('room.leave', w.room, {})
    await settle(c)
    expect(a.closed?.code).toBe(4002)
    expect(c.frames.flatMap(({ type, payload }) => (type === 'call.missed' ? [payload.count] : []))).toEqual([1, 2])
  })
})
