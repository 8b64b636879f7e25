import type { Room, RoomEvents } from '@mesh/client-sdk'
import { randomIds } from '@mesh/core'
import { expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { cleanUp, online, world } from './world.ts'

cleanUp()

/** A server whose first users and rooms have the same ids as those of every other one: the same database, at some time. */
async function start() {
  let made = 0
  const id = (kind: Parameters<typeof randomIds.id>[0]) =>
    kind === 'usr' || kind === 'room' ? `${kind}_${String(made++).padStart(22, '0')}` : randomIds.id(kind)
  const server = await world({ ids: { ...randomIds, id } })
  const [ann, bob] = [await server.user('ann'), await server.user('bob')]
  return { server, ann, bob, room_id: await server.room(ann, { [bob]: 'member' }) }
}

const heardIn = (room: Room) => {
  const texts: string[] = []
  room.on('message', ({ text }) => texts.push(text))
  return texts
}

const rejoined = (room: Room) => new Promise<RoomEvents['rejoined'][0]>((resolve) => room.on('rejoined', resolve))

it('an older database that was put back is where the room is', async () => {
  const [before, restored] = [await start(), await start()]
  const { ann, bob, room_id } = before
  expect(restored).toMatchObject({ ann, bob, room_id })
  let { server } = before
  class Socket extends WebSocket {
    constructor(_url: string, protocols?: string | string[]) {
      super(server.url, protocols)
    }
  }
  const [a, b] = await Promise.all(
    [ann, bob].map((user) => online(server, user, { token: () => server.token(user), WebSocket: Socket })),
  )
  const [here, there] = [await a!.join(room_id), await b!.join(room_id)]
  for (const text of ['two', 'three', 'four', 'five']) await here.send(text)
  await vi.waitFor(() => expect([here.seq, there.seq]).toEqual([6, 6]))

  const both = Promise.all([rejoined(here), rejoined(there)])
  ;({ server } = restored)
  await before.server.stop()
  // What the room had when it was copied ends before what was heard of it since.
  expect(await both).toEqual([
    { after: 6, seq: 2 },
    { after: 6, seq: 2 },
  ])
  expect([here.seq, there.seq]).toEqual([2, 2])

  const [mine, theirs] = [heardIn(here), heardIn(there)]
  const texts = ['1', '2', '3', '4', '5', '6']
  for (const text of texts) await here.send(text)
  await vi.waitFor(() => expect(theirs.at(-1)).toBe('6'))
  expect(theirs).toEqual(texts)
  expect(mine).toEqual(texts)
  expect([here.seq, there.seq]).toEqual([8, 8])
})
