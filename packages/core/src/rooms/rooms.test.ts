import { describe, expect, it } from 'vitest'
import { createWorld, grant, heard, join, settle } from '../testing/kit.ts'
import { askAs } from '../testing/terminal-kit.ts'

describe('joining', () => {
  it('answers with the whole state of the room, and tells the others', async () => {
    const { enter, connect, ann, bob, cleo, room } = await createWorld()
    const a = await enter(ann)
    const b = await connect(bob)
    const joined = await b.ask('room.join', room, {})
    const members = [ann, bob, cleo].map((user_id, i) => ({
      user_id,
      username: ['ann', 'bob', 'cleo'][i],
      role: ['owner', 'member', 'guest'][i],
    }))
    const instant = '2026-01-01T00:00:00.000Z'
    expect(joined).toMatchObject({ type: 'room.joined', from: 'server', to: b.peer_id })
    expect(joined.payload).toEqual({
      room_id: room,
      name: 'Room',
      role: 'member',
      caps: ['call', 'screen', 'share:file', 'share:folder', 'terminal:view'],
      members: expect.arrayContaining(members),
      peers: [
        { peer_id: a.peer_id, user_id: ann, status: 'online', last_seen: instant },
        { peer_id: b.peer_id, user_id: bob, status: 'online', last_seen: instant },
      ],
      terminals: [],
      seq: 3,
    })
    expect(await a.next('presence.update')).toMatchObject({
      from: 'server',
      to: room,
      payload: { peer_id: b.peer_id, user_id: bob, status: 'online' },
    })
    await settle(b)
    expect(heard(b)).toEqual(['room.joined'])
  })

  it('again answers with a fresh snapshot and tells nobody', async () => {
    const { enter, ann, bob, room, mesh } = await createWorld()
    const [a, b] = [await enter(ann), await enter(bob)]
    const before = a.frames.length
    await mesh.rooms.update('administrator', room, { name: 'Renamed' })
    expect(await join(b, room)).toMatchObject({ payload: { name: 'Renamed', seq: 4 } })
    expect(heard(a, before)).toEqual(['room.updated'])
  })

  it('is for members of a room that there is', async () => {
    const { connect, dan, room } = await createWorld()
    const d = await connect(dan)
    expect(await d.ask('room.join', room, {})).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await d.ask('room.join', `room_${'n'.repeat(22)}`, {})).toMatchObject({ code: 'ROOM_NOT_FOUND' })
  })
})

describe('the end of being in a room', () => {
  it('by leaving is answered, and told to the others', async () => {
    const { enter, ann, bob, room } = await createWorld()
    const [a, b] = [await enter(ann), await enter(bob)]
    const left = { room_id: room, peer_id: b.peer_id, reason: 'left' }
    const id = b.send('room.leave', room, {})
    expect(await b.next('room.left')).toMatchObject({ reply_to: id, payload: left })
    expect((await a.next('room.left')).payload).toEqual(left)
    const before = b.frames.length
    await a.ask('chat.message.send', room, { text: 'x' })
    expect(heard(b, before)).toEqual([])
    expect(await b.ask('chat.message.send', room, { text: 'x' })).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await b.ask('room.leave', room, {})).toMatchObject({ code: 'ACCESS_DENIED' })
  })

  it('by a lost connection is shown as offline, then as left', async () => {
    const { enter, ann, bob, room } = await createWorld()
    const [a, b] = [await enter(ann), await enter(bob)]
    const before = a.frames.length
    b.vanish()
    expect(heard(a, before)).toEqual(['presence.update', 'room.left'])
    expect(a.frames.at(-2)?.payload).toMatchObject({ peer_id: b.peer_id, status: 'offline' })
    expect(a.frames.at(-1)?.payload).toEqual({ room_id: room, peer_id: b.peer_id, reason: 'disconnected' })
  })

  it('by removal is the last that somebody hears of the room, with every peer of theirs', async () => {
    const { enter, ann, bob, room, remove, mesh } = await createWorld()
    const a = await enter(ann)
    const both = [await enter(bob), await enter(bob)]
    const before = a.frames.length
    await remove(bob)
    await a.ask('chat.message.send', room, { text: 'x' })
    for (const b of both) {
      const left = b.frames.findIndex(({ type }) => type === 'room.left')
      expect(b.frames[left]?.payload).toEqual({ room_id: room, peer_id: expect.any(String), reason: 'removed' })
      expect(heard(b, left + (b === both[0] ? 1 : 2)).filter((type) => type !== 'room.left')).toEqual([])
      expect(await b.ask('chat.message.send', room, { text: 'x' })).toMatchObject({ code: 'ACCESS_DENIED' })
      expect(await b.ask('room.join', room, {})).toMatchObject({ code: 'ACCESS_DENIED' })
    }
    expect(heard(a, before)).toEqual(['room.left', 'room.left', 'room.member.removed', 'chat.message.created'])
    expect(mesh.peers.size).toBe(3)
  })

  it('by deletion is told to everybody, and then there is no such room', async () => {
    const { enter, ann, bob, room, mesh } = await createWorld()
    const peers = [await enter(ann), await enter(bob)]
    await mesh.rooms.delete({ user_id: ann }, room)
    for (const peer of peers) {
      expect((await peer.next('room.left')).payload).toEqual({
        room_id: room,
        peer_id: peer.peer_id,
        reason: 'deleted',
      })
      for (const type of ['room.join', 'room.leave']) {
        expect(await peer.ask(type, room, {})).toMatchObject({ code: 'ROOM_NOT_FOUND' })
      }
    }
  })
})

describe('a leave that comes a second time', () => {
  it('is answered as before, and leaves nobody out who has come back since', async () => {
    const { enter, ann, bob, room } = await createWorld()
    const [a, b] = [await enter(ann), await enter(bob)]
    const id = crypto.randomUUID()
    const leave = () => askAs(id, b, 'room.leave', room, {})
    const first = await leave()
    expect(await leave()).toMatchObject({ type: 'room.left', payload: first.payload })
    await b.ask('room.join', room, {})
    expect(await leave()).toMatchObject({ type: 'room.left', payload: first.payload })
    expect(await b.ask('chat.message.send', room, { text: 'here' })).toMatchObject({ type: 'chat.message.created' })
    await settle(a)
    expect(heard(a).filter((type) => type === 'room.left')).toHaveLength(1)
  })
})

describe('what changes about a room', () => {
  it('is told to everybody in it with its seq, gapless', async () => {
    const { enter, ann, room, mesh, setRole, bob, dan, remove } = await createWorld()
    const a = await enter(ann)
    const before = a.frames.length
    await mesh.rooms.update('administrator', room, { name: 'Renamed' })
    await mesh.rooms.update('administrator', room, { policy: { caps: { guest: [] } } })
    await setRole(dan, 'guest')
    await setRole(dan, 'guest')
    await setRole(bob, 'guest')
    await remove(dan)
    const events = a.frames.slice(before)
    expect(events.map(({ type, payload }) => [type, payload.seq])).toEqual([
      ['room.updated', 4],
      ['room.updated', 5],
      ['room.member.added', 6],
      ['room.member.updated', 7],
      ['room.member.removed', 8],
    ])
    expect(events.map(({ from, to }) => [from, to])).toEqual(events.map(() => ['server', room]))
    expect(events).toHaveLength(5)
    const stored = await mesh.rooms.events('administrator', room, { after: 3, limit: 10 })
    expect(stored.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
  })

  it('holds at once for those who are in it', async () => {
    const { enter, bob, room, setRole, setCaps } = await createWorld()
    const b = await enter(bob)
    await setRole(bob, 'guest')
    expect(await b.ask('capability.request', 'server', { room_id: room, caps: ['screen'] })).toMatchObject({
      code: 'ACCESS_DENIED',
    })
    expect((await join(b, room)).payload).toMatchObject({ role: 'guest', caps: ['call'] })
    await setCaps({ guest: ['screen'] })
    expect((await join(b, room)).payload).toMatchObject({ caps: ['screen'] })
    await grant(b, room, ['screen'])
  })

  it('names only capabilities that there are, and leaves what it does not name', async () => {
    const { mesh, room, setCaps } = await createWorld({ extraCaps: ['whiteboard'] })
    const refused = { code: 'BAD_MESSAGE', details: { reason: 'unknown_capability', path: 'policy.caps' } }
    await expect(setCaps({ guest: ['call', 'nonsense'] })).rejects.toMatchObject(refused)
    await setCaps({ guest: ['whiteboard'] })
    await mesh.rooms.update('administrator', room, { policy: { max_size: 5 } })
    await setCaps({ member: [] })
    expect((await mesh.rooms.get('administrator', room)).policy).toEqual({
      caps: { guest: ['whiteboard'], member: [] },
      max_size: 5,
    })
  })

  it('leaves the room with an owner', async () => {
    const { ann, room, mesh, setRole, remove, bob } = await createWorld()
    await expect(remove(ann)).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'last_owner' } })
    await expect(setRole(ann, 'member')).rejects.toMatchObject({ code: 'CONFLICT' })
    await setRole(bob, 'owner')
    await mesh.rooms.removeMember({ user_id: ann }, room, ann)
    await expect(mesh.rooms.get({ user_id: ann }, room)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })
})
