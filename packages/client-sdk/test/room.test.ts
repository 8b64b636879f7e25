import type { Room } from '@mesh/client-sdk'
import { describe, expect, it, vi } from 'vitest'
import { cleanUp, online, pair } from './world.ts'

cleanUp()

async function together() {
  const all = await pair()
  const [here, there] = [await all.a.join(all.room_id), await all.b.join(all.room_id)]
  await vi.waitFor(() => expect(here.peers.size).toBe(2))
  return { ...all, here, there }
}

const left = (room: Room) => new Promise((resolve) => room.on('left', resolve))

describe('a room', () => {
  it('shows what was there when it was entered', async () => {
    const { a, b, ann, bob, room_id, here, there } = await together()
    expect(here).toMatchObject({ id: room_id, name: 'Room', role: 'owner', seq: 2, mesh: a })
    expect(there).toMatchObject({ role: 'member' })
    expect(here.caps).toContain('terminal:control')
    expect(Object.fromEntries(here.members)).toEqual({
      [ann]: { user_id: ann, username: 'ann', role: 'owner' },
      [bob]: { user_id: bob, username: 'bob', role: 'member' },
    })
    expect(here.peers.get(b.me.peer_id)).toMatchObject({ user_id: bob, status: 'online' })
    expect(await a.join(room_id)).toBe(here)
  })

  it('is one room for all who enter it at the same time, and asked for again after a refusal', async () => {
    const { server, a, bob, room_id } = await pair()
    const [one, two] = await Promise.all([a.join(room_id), a.join(room_id)])
    expect(one).toBe(two)
    expect(server.sent.filter(({ type }) => type === 'room.join')).toHaveLength(1)
    const cleo = await server.user('cleo')
    const third = await online(server, cleo)
    await expect(third.join(room_id)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await server.mesh.rooms.setMember('administrator', room_id, cleo, 'guest')
    expect(await third.join(room_id)).toMatchObject({ role: 'guest' })
    expect(one.members.has(bob)).toBe(true)
  })

  it('carries chat, to the sender once', async () => {
    const { here, there, ann } = await together()
    const [mine, theirs]: string[][] = [[], []]
    here.on('message', ({ text }) => mine?.push(text))
    there.on('message', ({ text }) => theirs?.push(text))
    const said = await here.send('hello')
    expect(said).toMatchObject({ text: 'hello', user_id: ann, seq: 3 })
    await there.send('hi')
    await vi.waitFor(() => expect(mine).toEqual(['hello', 'hi']))
    expect(theirs).toEqual(['hello', 'hi'])
    expect([here.seq, there.seq]).toEqual([4, 4])
    await expect(here.send('')).rejects.toMatchObject({ code: 'BAD_MESSAGE' })
    await expect(here.send('x'.repeat(5000))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })

  it('follows who is here and how available', async () => {
    const { a, b, here, there } = await together()
    const seen: string[] = []
    here.on('presence', ({ peer_id, status, note }) => peer_id === b.me.peer_id && seen.push(`${status} ${note}`))
    await there.setStatus('away', 'lunch')
    expect(there.peers.get(b.me.peer_id)).toMatchObject({ status: 'away', note: 'lunch' })
    await vi.waitFor(() => expect(here.peers.get(b.me.peer_id)).toMatchObject({ status: 'away', note: 'lunch' }))
    await there.setStatus('online')
    expect(there.peers.get(b.me.peer_id)).not.toHaveProperty('note')
    await vi.waitFor(() => expect(here.peers.get(b.me.peer_id)).toMatchObject({ status: 'online' }))
    await b.close()
    await vi.waitFor(() => expect([...here.peers.keys()]).toEqual([a.me.peer_id]))
    expect(seen).toEqual(['away lunch', 'online undefined', 'offline undefined'])
    expect(there.peers.size).toBe(2)
  })

  it('follows who belongs to it', async () => {
    const { server, here, there, bob, room_id } = await together()
    const { rooms } = server.mesh
    const cleo = await server.user('cleo')
    await rooms.setMember('administrator', room_id, cleo, 'guest')
    await vi.waitFor(() => expect(here.members.get(cleo)).toEqual({ user_id: cleo, username: 'cleo', role: 'guest' }))
    const updated = new Promise<void>((resolve) => there.on('updated', resolve))
    await rooms.setMember('administrator', room_id, bob, 'guest')
    await updated
    expect([there.role, there.caps]).toEqual(['guest', ['call']])
    await rooms.removeMember('administrator', room_id, cleo)
    await vi.waitFor(() => expect(here.members.has(cleo)).toBe(false))
  })

  it('is over for whoever is removed', async () => {
    const { server, b, here, there, bob, room_id } = await together()
    const gone = left(there)
    await server.mesh.rooms.removeMember('administrator', room_id, bob)
    expect(await gone).toBe('removed')
    await vi.waitFor(() => expect(here.peers.has(b.me.peer_id)).toBe(false))
    expect(here.members.has(bob)).toBe(false)
    await expect(b.join(room_id)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })

  it('is over for whoever leaves, once', async () => {
    const { b, here, there, room_id } = await together()
    const reasons: string[] = []
    there.on('left', (reason) => reasons.push(reason))
    await there.leave()
    await vi.waitFor(() => expect(here.peers.has(b.me.peer_id)).toBe(false))
    expect(reasons).toEqual(['left'])
    await expect(there.send('still here?')).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    const again = await b.join(room_id)
    expect(again).not.toBe(there)
    await b.close()
    expect(reasons).toEqual(['left'])
  })

  it('is over when the connection is closed for good', async () => {
    const { b, there } = await together()
    const gone = left(there)
    await b.close()
    expect(await gone).toBe('disconnected')
  })

  it('grants capabilities whole or not at all', async () => {
    const { b, here, there } = await together()
    const granted = await here.capability(['call', 'screen'], { target_peer_id: b.me.peer_id, ttl_s: 60 })
    expect(granted.caps).toEqual(['call', 'screen'])
    expect(granted.token.split('.')).toHaveLength(3)
    expect(Date.parse(granted.expires_at)).toBeLessThan(Date.now() + 61_000)
    await expect(there.capability(['call', 'terminal:control'])).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })
})
