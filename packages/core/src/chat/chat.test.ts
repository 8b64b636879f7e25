import { describe, expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import type { Storage } from '../ports/index.ts'
import { createWorld, heard, join, settle } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'

const said = (client: TestClient) => client.frames.filter(({ type }) => type === 'chat.message.created')

describe('a message', () => {
  it('is stored, answered and told to everybody in the room, under one id and seq', async () => {
    const { enter, connect, ann, bob, cleo, dan, room, mesh } = await createWorld()
    const [a, b, c] = [await enter(ann), await enter(bob), await enter(cleo)]
    const [outside, stranger] = [await connect(bob), await connect(dan)]
    const id = a.send('chat.message.send', room, { text: 'hello' })
    const own = await a.next('chat.message.created')
    expect(own).toMatchObject({
      from: a.peer_id,
      to: room,
      reply_to: id,
      timestamp: '2026-01-01T00:00:00.000Z',
      payload: { seq: 4, user_id: ann, text: 'hello', created_at: '2026-01-01T00:00:00.000Z' },
    })
    expect(own.payload.message_id).toMatch(/^msg_[\w-]{22}$/)
    const { reply_to, ...others } = own
    expect(reply_to).toBe(id)
    expect(said(b)).toEqual([others])
    expect(said(c)).toEqual([others])
    expect(said(a)).toHaveLength(1)
    expect(heard(outside).concat(heard(stranger))).toEqual([])
    const [stored] = await mesh.rooms.messages('administrator', room, { limit: 1 })
    expect(stored).toMatchObject({ id: own.id, seq: 4 })
  })

  it('has 1 to 4,096 bytes', async () => {
    const { enter, ann, room } = await createWorld()
    const a = await enter(ann)
    for (const [text, answer] of [
      ['', 'BAD_MESSAGE'],
      ['a', undefined],
      ['a'.repeat(4_096), undefined],
      ['😀'.repeat(1_024), undefined],
      ['a'.repeat(4_097), 'MESSAGE_TOO_LARGE'],
      ['😀'.repeat(1_025), 'MESSAGE_TOO_LARGE'],
    ] as const) {
      expect((await a.ask('chat.message.send', room, { text })).code).toBe(answer)
    }
  })

  it('of somebody who has not joined, or is no member, is refused', async () => {
    const { connect, bob, dan, room } = await createWorld()
    for (const who of [bob, dan]) {
      const client = await connect(who)
      expect(await client.ask('chat.message.send', room, { text: 'x' })).toMatchObject({ code: 'ACCESS_DENIED' })
      expect(await client.ask('chat.message.send', `room_${'n'.repeat(22)}`, { text: 'x' })).toMatchObject({
        code: 'ROOM_NOT_FOUND',
      })
    }
  })
})

describe('a repeated id', () => {
  it('is stored once and answered like the first time, across reconnects, and nobody hears of it again', async () => {
    const { enter, ann, bob, room, mesh } = await createWorld()
    const [a, b] = [await enter(ann), await enter(bob)]
    const id = crypto.randomUUID()
    a.send('chat.message.send', room, { text: 'once' }, { id })
    const first = await a.next('chat.message.created')
    a.send('chat.message.send', room, { text: 'once' }, { id, timestamp: '2027-01-01T00:00:00Z' })
    expect(await a.next('chat.message.created')).toEqual(first)
    a.vanish()
    const again = await enter(ann)
    again.send('chat.message.send', room, { text: 'once' }, { id })
    expect(await again.next('chat.message.created')).toEqual(first)
    await settle(b)
    expect(said(b)).toHaveLength(1)
    expect(await mesh.rooms.messages('administrator', room, { limit: 10 })).toHaveLength(1)
  })

  it('with another body is CONFLICT', async () => {
    const { enter, ann, bob, room, mesh } = await createWorld()
    const a = await enter(ann)
    const { room_id } = await mesh.rooms.create(ann, 'Other')
    await join(a, room_id)
    const id = crypto.randomUUID()
    a.send('chat.message.send', room, { text: 'one' }, { id })
    await a.next('chat.message.created')
    for (const [to, text] of [
      [room, 'two'],
      [room_id, 'one'],
    ] as const) {
      a.send('chat.message.send', to, { text }, { id })
      expect(await a.next('error')).toMatchObject({
        code: 'CONFLICT',
        reply_to: id,
        payload: { reason: 'repeated_id' },
      })
    }
    // Somebody else's ids are their own.
    const b = await enter(bob)
    b.send('chat.message.send', room, { text: 'two' }, { id })
    expect((await b.next((frame) => frame.reply_to === id)).payload.text).toBe('two')
  })

  it('is looked up per device where there is one', async () => {
    const { enter, ann, room, mesh } = await createWorld()
    const [d, e] = [`dev_${'d'.repeat(22)}`, `dev_${'e'.repeat(22)}`]
    const id = crypto.randomUUID()
    for (const device of [{ device_id: d }, { device_id: e }, { device_id: d }, {}, {}]) {
      const client = await enter(ann, device)
      client.send('chat.message.send', room, { text: 'x' }, { id })
      await client.next((frame) => frame.reply_to === id)
    }
    expect(await mesh.rooms.messages('administrator', room, { limit: 10 })).toHaveLength(3)
  })

  it('gives nothing to somebody who was removed meanwhile', async () => {
    const { enter, bob, room, remove } = await createWorld()
    const b = await enter(bob)
    const id = crypto.randomUUID()
    b.send('chat.message.send', room, { text: 'x' }, { id })
    await b.next('chat.message.created')
    await remove(bob)
    b.send('chat.message.send', room, { text: 'x' }, { id })
    expect(await b.next('error')).toMatchObject({ code: 'ACCESS_DENIED' })
  })
})

describe('history', () => {
  it('is whole for a member, and begins at the joining for a guest', async () => {
    const { enter, ann, bob, cleo, dan, room, mesh, setRole } = await createWorld()
    const a = await enter(ann)
    await a.ask('chat.message.send', room, { text: 'before' })
    await setRole(dan, 'guest')
    await a.ask('chat.message.send', room, { text: 'after' })
    const texts = async (user_id: string) =>
      (await mesh.rooms.messages({ user_id }, room, { limit: 10 })).map(({ payload }) => payload['text'])
    expect(await texts(bob)).toEqual(['after', 'before'])
    expect(await texts(cleo)).toEqual(['after', 'before'])
    expect(await texts(dan)).toEqual(['after'])
    const seqs = async (user_id: string, after: number) =>
      (await mesh.rooms.events({ user_id }, room, { after, limit: 10 })).map(({ seq }) => seq)
    expect(await seqs(bob, 0)).toEqual([1, 2, 3, 4, 5, 6])
    expect(await seqs(dan, 0)).toEqual([5, 6])
    expect(await seqs(dan, 5)).toEqual([6])
  })
})

describe('a result that gets lost on its way', () => {
  it('does not keep the message from the others: sending it again tells everybody', async () => {
    const storage = createMemoryStorage()
    const append: Storage['events']['append'] = async (...of) => {
      const result = await storage.events.append(...of)
      if (result.outcome === 'appended') throw new MeshError('UNAVAILABLE')
      return result
    }
    const { enter, ann, bob, room } = await createWorld({
      storage: { ...storage, events: { ...storage.events, append } },
    })
    const [a, b] = [await enter(ann), await enter(bob)]
    const id = a.send('chat.message.send', room, { text: 'hello' })
    expect((await a.next((frame) => frame.reply_to === id)).code).toBe('UNAVAILABLE')
    expect(said(b)).toEqual([])
    a.send('chat.message.send', room, { text: 'hello' }, { id })
    expect(await a.next('chat.message.created')).toMatchObject({ reply_to: id, payload: { seq: 4 } })
    await settle(a)
    expect(said(b)).toHaveLength(1)
    a.send('chat.message.send', room, { text: 'hello' }, { id })
    await settle(a)
    expect(said(a)).toHaveLength(2)
    expect(said(b)).toHaveLength(1)
  })

  it('does not keep the answer from the sender when the room has read the message meanwhile', async () => {
    const storage = createMemoryStorage()
    const stored = Promise.withResolvers<void>()
    const answered = Promise.withResolvers<void>()
    const append: Storage['events']['append'] = async (...of) => {
      const result = await storage.events.append(...of)
      stored.resolve()
      await answered.promise
      return result
    }
    const world = await createWorld({ storage: { ...storage, events: { ...storage.events, append } } })
    const { enter, ann, bob, room, mesh, clock } = world
    const [a, b] = [await enter(ann), await enter(bob)]
    const id = a.send('chat.message.send', room, { text: 'hello' })
    await stored.promise
    // Waits for its turn, which comes when the message before it has been read.
    await mesh.rooms.update('administrator', room, { name: 'Another' })
    clock.advance(200)
    await settle(b)
    expect(said(b)).toHaveLength(1)
    answered.resolve()
    await settle(a)
    expect(said(a).filter(({ reply_to }) => reply_to === id)).toHaveLength(1)
    expect(said(b)).toHaveLength(1)
  })
})
