import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryBusLine } from '../memory/bus.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import { comeBack, createWorld, resumeOf, ring, settle, unhurried } from '../testing/kit.ts'
import { createSlowStorage } from '../testing/slow-storage.ts'
import type { Frame, TestClient } from '../testing/index.ts'

/** A world whose storage is fast until `slow` is called, and from then on as slow as the seed says. */
async function createRace(seed: number) {
  let state = seed | 1
  let turns = 0
  const random = (n: number) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    return ((state >>> 8) % n) | 0
  }
  const storage = createSlowStorage(async () => {
    for (let i = turns && random(turns); i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
  })
  const world = await createWorld({ storage })
  return {
    ...world,
    storage,
    random,
    slow: () => void (turns = 6),
    /** Ends a race: whatever was held back is told by now. */
    async finish(...all: Promise<unknown>[]) {
      await Promise.allSettled(all)
      turns = 0
      for (let i = 0; i < 4; i++) {
        world.clock.advance(250)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    },
  }
}

const durable = (frames: Frame[]) =>
  frames.filter(({ payload }) => typeof payload.seq === 'number' && !('peers' in payload))
const seqs = (frames: Frame[]) => durable(frames).map(({ payload }) => Number(payload.seq))
const upTo = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + 1 + i)

/** What somebody who joined believes about the room: the snapshot, and each event since. */
function belief(client: TestClient, room: string) {
  const at = client.frames.findLastIndex(({ type }) => type === 'room.joined')
  const { name, members, seq } = client.frames[at]!.payload as {
    name: string
    members: { user_id: string; role: string }[]
    seq: number
  }
  const known = {
    name,
    members: new Map(members.map(({ user_id, role }) => [user_id, role])),
    snapshot: seq,
    later: client.frames.slice(at + 1),
  }
  for (const { type, to, payload } of known.later) {
    if (to !== room) continue
    if (type === 'room.updated') known.name = String(payload.name ?? known.name)
    if (type === 'room.member.added' || type === 'room.member.updated')
      known.members.set(String(payload.user_id), String(payload.role))
    if (type === 'room.member.removed') known.members.delete(String(payload.user_id))
  }
  return known
}

describe('somebody who joins while the room changes', () => {
  it.each([true, false])('knows each change exactly once, in order (somebody else is there: %s)', async (occupied) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const w = await createRace(seed)
        const a = occupied ? await w.enter(w.ann) : await w.connect(w.ann)
        const b = await w.connect(w.bob)
        const started = a.frames.length
        const first = (await w.storage.rooms.find(w.room))?.seq ?? 0
        w.slow()
        const changes = [
          () => w.mesh.rooms.update('administrator', w.room, { name: `Name ${w.random(1000)}` }),
          () => w.setRole(w.dan, 'guest'),
          () => w.setRole(w.cleo, 'member'),
          () => w.mesh.rooms.update('administrator', w.room, { name: `Name ${w.random(1000)}` }),
          () => (occupied ? a.ask('chat.message.send', w.room, { text: 'x' }) : w.remove(w.cleo)),
        ]
        const all: Promise<unknown>[] = []
        const joins = w.random(changes.length)
        for (const [i, change] of changes.entries()) {
          if (i === joins) all.push(b.ask('room.join', w.room, {}))
          all.push(change())
          if (w.random(2)) await new Promise((resolve) => setImmediate(resolve))
        }
        if (w.random(2)) all.push(b.ask('room.join', w.room, {}))
        await w.finish(...all)
        const room = await w.storage.rooms.snapshot(w.room)
        const last = room?.room.seq ?? 0
        const { snapshot, later, name, members } = belief(b, w.room)
        expect(seqs(later)).toEqual(upTo(snapshot, last))
        expect(name).toBe(room?.room.name)
        expect(members).toEqual(new Map(room?.members.map(({ user_id, role }) => [user_id, role])))
        if (occupied) expect(seqs(a.frames.slice(started))).toEqual(upTo(first, last))
      }),
      { numRuns: 60 },
    )
  })

  it('is out when the removal was stored, however the join was overtaken', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.boolean(), async (seed, occupied) => {
        const w = await createRace(seed)
        if (occupied) await w.enter(w.ann)
        const b = await w.connect(w.bob)
        w.slow()
        const all: Promise<unknown>[] = [b.ask('room.join', w.room, {}), w.remove(w.bob), w.setRole(w.dan, 'guest')]
        if (w.random(2)) all.push(b.ask('room.join', w.room, {}))
        await w.finish(...all)
        const last = b.frames.findLast(({ type }) => ['room.joined', 'room.left', 'error'].includes(type))
        if (last?.type === 'error') expect(last.code).toBe('ACCESS_DENIED')
        else expect(last?.payload.reason).toBe('removed')
        expect(w.mesh.peers.get(b.peer_id)?.rooms.size).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('is out when the room was deleted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.boolean(), async (seed, occupied) => {
        const w = await createRace(seed)
        if (occupied) await w.enter(w.ann)
        const b = await w.connect(w.bob)
        w.slow()
        await w.finish(b.ask('room.join', w.room, {}), w.mesh.rooms.delete('administrator', w.room))
        expect(w.mesh.peers.get(b.peer_id)?.rooms.size).toBe(0)
        expect(['ROOM_NOT_FOUND', 'deleted']).toContain(b.frames.at(-1)?.code ?? b.frames.at(-1)?.payload.reason)
      }),
      { numRuns: 60 },
    )
  })

  it('and is gone before it is done is in no room', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const w = await createRace(seed)
        const a = await w.enter(w.ann)
        const b = await w.connect(w.bob)
        w.slow()
        b.send('room.join', w.room, {})
        for (let i = w.random(8); i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
        b.vanish()
        await w.finish()
        const shown = a.frames
          .filter(({ payload }) => payload.peer_id === b.peer_id)
          .map(({ payload }) => payload.status ?? payload.reason)
        expect([[], ['online', 'offline', 'disconnected']]).toContainEqual(shown)
      }),
      { numRuns: 40 },
    )
  })
})

describe('somebody who was found to be out of a room while joining it again', () => {
  it.each([
    { end: 'deletion', code: 'ROOM_NOT_FOUND' },
    { end: 'removal', code: 'ACCESS_DENIED' },
  ])('stays out when word of the $end comes', async ({ end, code }) => {
    const storage = createMemoryStorage()
    const { snapshot, ...rooms } = storage.rooms
    const [read, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const w = await createWorld({ storage, limits: { ...unhurried, resume_window_s: 120 } })
    const b = await w.enter(w.bob)
    storage.rooms.snapshot = async (room_id) => {
      const before = await snapshot(room_id)
      await read.promise
      return before
    }
    storage.rooms.delete = async (...of) => (await rooms.delete(...of), await told.promise, true)
    storage.rooms.removeMember = async (...of) => {
      const result = await rooms.removeMember(...of)
      await told.promise
      return result
    }
    const asked = b.send('room.join', w.room, {})
    await settle()
    // It is stored, and its own node has yet to hear of it, when bob comes back and is looked up.
    const ending = end === 'deletion' ? w.mesh.rooms.delete('administrator', w.room) : w.remove(w.bob)
    await settle()
    b.vanish()
    const again = await comeBack(w, w.bob, resumeOf(b))
    read.resolve()
    const answer = await again.next(({ reply_to }) => reply_to === asked)
    told.resolve()
    await ending
    await settle(again)
    expect(answer.code).toBe(code)
    expect(again.frames.filter(({ type }) => type === 'room.left')).toHaveLength(1)
    expect(w.mesh.peers.get(b.peer_id)?.rooms.size).toBe(0)
  })
})

describe('a demotion', () => {
  it('that a second join overtakes still ends what it has to end', async () => {
    const storage = createMemoryStorage()
    const line = createMemoryBusLine()
    const one = await createWorld({ storage, bus: line.connect() })
    const [a, b] = [await one.enter(one.ann), await one.enter(one.bob)]
    const rtc_id = await ring(b, one.room, a.peer_id)
    // Another node stores it; this one reads it before it hears of it.
    const event = {
      id: crypto.randomUUID(),
      type: 'room.member.updated',
      from: 'server',
      at: 0,
      payload: { user_id: one.bob, username: 'bob', role: 'guest' },
    }
    const change = { room_id: one.room, user_id: one.bob, role: 'guest' as const, at: 0 }
    const result = await storage.rooms.setMember(change, { added: event, updated: event })
    expect(await b.ask('room.join', one.room, {})).toMatchObject({ payload: { role: 'guest', caps: ['call'], seq: 3 } })
    if (!('event' in result)) throw new Error(result.outcome)
    line.connect().publish('events', JSON.stringify(result.event))
    expect((await a.next('rtc.bye')).payload).toEqual({ rtc_id, reason: 'revoked' })
    await settle(a)
    expect(seqs(b.frames)).toContain(4)
  })

  it('that never came by the bus is read from the storage soon after somebody saw it', async () => {
    const storage = createMemoryStorage()
    const w = await createWorld({ storage })
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const event = {
      id: crypto.randomUUID(),
      type: 'room.member.updated',
      from: 'server',
      at: 0,
      payload: { user_id: w.bob, username: 'bob', role: 'guest' },
    }
    await storage.rooms.setMember(
      { room_id: w.room, user_id: w.bob, role: 'guest', at: 0 },
      { added: event, updated: event },
    )
    await w.enter(w.cleo)
    w.clock.advance(200)
    expect((await a.next('room.member.updated')).payload.seq).toBe(4)
    expect(await b.ask('capability.request', 'server', { room_id: w.room, caps: ['screen'] })).toMatchObject({
      code: 'ACCESS_DENIED',
    })
  })
})
