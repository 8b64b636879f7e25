import type { Child } from './child.ts'
import type { Scene } from './messages.ts'

interface RoomId {
  room_id: string
}

/** Sets up the people who send nonsense, their room, and another room that they have nothing to do with. */
export async function createScene(server: Child): Promise<Scene> {
  const [eve, mal, pat, sam] = [
    await server.account('eve'),
    await server.account('mal'),
    await server.account('pat'),
    await server.account('sam'),
  ]
  const { room_id } = await server.call<RoomId>('POST', '/rooms', { name: 'Noise' }, eve.access_token)
  for (const { user_id } of [mal, pat]) {
    await server.call('PUT', `/rooms/${room_id}/members/${user_id}`, { role: 'member' }, eve.access_token)
  }
  const other = await server.call<RoomId>('POST', '/rooms', { name: 'Other' }, sam.access_token)
  return {
    server,
    room_id,
    // Two connections of one user, so that a call to a user rings more than once.
    accounts: [eve, mal, mal, pat, eve],
    foreign: [other.room_id, sam.user_id, sam.access_token, sam.refresh_token, eve.user_id, `${mal.access_token}x`],
  }
}
