import { MeshError, type Rooms } from '@mesh/core'

/** Takes somebody out of every room, or of none where one of them would be left without an owner. */
export async function leaveRooms(rooms: Rooms, user_id: string): Promise<void> {
  const own: string[] = []
  for (let after: string | undefined; ; after = own.at(-1)) {
    const page = await rooms.list({ user_id }, { after, limit: 100 })
    own.push(...page.map(({ room_id }) => room_id))
    if (page.length < 100) break
  }
  for (const room_id of own) {
    const owners = (await rooms.members('administrator', room_id)).filter(({ role }) => role === 'owner')
    if (owners.length === 1 && owners[0]?.user_id === user_id) {
      throw new MeshError('CONFLICT', 'The user is the last owner of a room', { reason: 'last_owner' })
    }
  }
  for (const room_id of own) await rooms.removeMember('administrator', room_id, user_id)
}
