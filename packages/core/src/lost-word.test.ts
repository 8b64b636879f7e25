import { describe, expect, it } from 'vitest'
import { MeshError } from './errors.ts'
import { createMemoryBusLine } from './memory/bus.ts'
import { createMemoryStorage } from './memory/storage.ts'
import { createWorld, heard, settle, unhurried } from './testing/kit.ts'

const removal = { id: '0b7d5a2e-1111-4222-8333-444455556666', type: 'room.member.removed', from: 'server', at: 0 }

/** Lets the storage answer, and what its answer causes. */
async function look(w: Awaited<ReturnType<typeof createWorld>>, ms: number): Promise<void> {
  w.clock.advance(ms)
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe('what another node did, and no word of it came', () => {
  it('shows when the room is compared with the storage, within a minute', async () => {
    const w = await createWorld({ limits: { ...unhurried, position_check_s: 60 } })
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const event = { ...removal, payload: { user_id: w.bob } }
    await w.storage.rooms.removeMember({ room_id: w.room, user_id: w.bob }, event)
    await look(w, 59_000)
    expect(heard(b)).not.toContain('room.left')
    await look(w, 1_000)
    await look(w, 200)
    expect((await b.next('room.left')).payload.reason).toBe('removed')
    expect(heard(a)).toContain('room.member.removed')
  })

  it('shows at the latest when the same user is added again: what a former membership gave is gone', async () => {
    const w = await createWorld()
    const b = await w.enter(w.bob)
    const event = { ...removal, payload: { user_id: w.bob } }
    await w.storage.rooms.removeMember({ room_id: w.room, user_id: w.bob }, event)
    await w.setRole(w.bob, 'member')
    expect(heard(b)).toContain('room.left')
    expect((await b.ask('chat.message.send', w.room, { text: 'x' })).code).toBe('ACCESS_DENIED')
  })

  it('is not passed over by who asks for the room again before it is told', async () => {
    const w = await createWorld()
    const a = await w.enter(w.ann)
    const stored = { id: removal.id, type: 'chat.message.created', from: 'server', at: 0, payload: { text: 'late' } }
    await w.storage.events.append(w.room, stored, { user_id: w.ann })
    const before = a.frames.findLast(({ type }) => type === 'room.joined')
    const again = await a.ask('room.join', w.room, {})
    expect(again.payload.seq).toBe(before?.payload.seq)
    await look(w, 200)
    expect(a.frames.at(-1)).toMatchObject({ type: 'chat.message.created', payload: { text: 'late' } })
  })

  it('shows for a room that was deleted as well', async () => {
    const w = await createWorld({ limits: { ...unhurried, position_check_s: 60 } })
    const b = await w.enter(w.bob)
    await w.storage.rooms.delete(w.room)
    await look(w, 60_000)
    expect((await b.next('room.left')).payload.reason).toBe('deleted')
  })
})

describe('an event that waits for the one before it', () => {
  it('is still the answer to whoever asked for it, when another node tells of it as well', async () => {
    const line = createMemoryBusLine()
    const [bus, other] = [line.connect(), line.connect()]
    // WebCrypto's digest may take longer than this test waits.
    const w = await createWorld({ bus, digest: (text) => text })
    const a = await w.enter(w.ann)
    // Stored by another node, whose word of it is late.
    const before = { id: removal.id, type: 'chat.message.created', from: 'server', at: 0, payload: {} }
    await w.storage.events.append(w.room, { ...before, payload: { text: 'before' } }, { user_id: w.ann })
    const id = a.send('chat.message.send', w.room, { text: 'mine' })
    await look(w, 0)
    const mine = (await w.storage.events.list(w.room, { after: 0, limit: 100 })).at(-1)
    expect(mine?.payload.text).toBe('mine')
    other.publish('events', JSON.stringify(mine))
    await look(w, 0)
    await look(w, 200)
    expect(a.frames.filter(({ reply_to }) => reply_to === id).map(({ type }) => type)).toEqual(['chat.message.created'])
  })
})

describe('a change whose answer was lost', () => {
  it('holds at once where it had taken effect', async () => {
    const storage = createMemoryStorage()
    const w = await createWorld({ storage })
    const b = await w.enter(w.bob)
    const { removeMember } = storage.rooms
    storage.rooms.removeMember = async (...of) => {
      await removeMember(...of)
      throw new MeshError('UNAVAILABLE')
    }
    await expect(w.remove(w.bob)).rejects.toThrow('unavailable')
    await look(w, 0)
    await look(w, 200)
    await settle()
    expect((await b.next('room.left')).payload.reason).toBe('removed')
  })
})

describe('a gap that the storage does not fill', () => {
  it('is looked at steadily, and no more often the longer it lasts', async () => {
    const storage = createMemoryStorage()
    // WebCrypto's digest may take longer than a test that counts looks can wait.
    const w = await createWorld({ storage, digest: (text) => text })
    const a = await w.enter(w.ann)
    const { list, append } = storage.events
    let looks = 0
    storage.events.list = async (...of) => {
      looks++
      return (await list(...of)).slice(1)
    }
    const lost = { id: removal.id, type: 'chat.message.created', from: 'server', at: 0, payload: {} }
    await append(w.room, lost, { user_id: w.ann })
    for (const text of ['one', 'two']) a.send('chat.message.send', w.room, { text })
    for (let i = 0; i < 20; i++) await look(w, 200)
    expect(looks).toBeGreaterThan(15)
    expect(looks).toBeLessThanOrEqual(20)
    storage.events.list = list
    await look(w, 200)
    expect(heard(a).filter((type) => type === 'chat.message.created')).toHaveLength(3)
  })
})

describe('an event that was told before its own writer came to it', () => {
  it('still answers who asked for it, and nobody hears of it twice', async () => {
    const storage = createMemoryStorage()
    const digest = (text: string) => text
    const w = await createWorld({ storage, digest, limits: { ...unhurried, position_check_s: 60 } })
    const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
    const { append } = storage.events
    let goOn = () => {}
    storage.events.append = async (...of) => {
      const result = await append(...of)
      await new Promise<void>((resolve) => (goOn = resolve))
      return result
    }
    const id = a.send('chat.message.send', w.room, { text: 'slowly answered' })
    await look(w, 0)
    await look(w, 60_000)
    await look(w, 200)
    expect((await b.next('chat.message.created')).payload.text).toBe('slowly answered')
    goOn()
    expect((await a.next((frame) => frame.reply_to === id)).payload.text).toBe('slowly answered')
    await settle(b)
    expect(heard(b).filter((type) => type === 'chat.message.created')).toHaveLength(1)
  })
})
