import { cleanName, MeshError, type Room, type User } from '@mesh/core'
import type { MeshServer } from '../mesh-server.ts'

/** How many rows one read takes while a name is looked for. */
const pageSize = 500

/** Finds a user by id or name. @throws MeshError NOT_FOUND */
export async function findUser({ accounts }: Pick<MeshServer, 'accounts'>, idOrName: string): Promise<User> {
  const user = await accounts.find(idOrName)
  if (!user) throw new MeshError('NOT_FOUND', 'No such user')
  return user
}

/** Finds a room by id or exact name. @throws MeshError ROOM_NOT_FOUND, CONFLICT when several have the name */
export async function findRoom({ storage }: Pick<MeshServer, 'storage'>, idOrName: string): Promise<Room> {
  const room = await storage.rooms.find(idOrName)
  if (room) return room
  const name = cleanName(idOrName, 'room')
  const found: Room[] = []
  let after: string | undefined
  do {
    const page = await storage.rooms.list({ after, limit: pageSize })
    found.push(...page.filter((candidate) => candidate.name === name))
    after = page.length < pageSize ? undefined : page.at(-1)?.room_id
  } while (after !== undefined && found.length < 2)
  const [first, second] = found
  if (!first) throw new MeshError('ROOM_NOT_FOUND')
  if (second) throw new MeshError('CONFLICT', 'Several rooms have this name: use the id', { reason: 'ambiguous_name' })
  return first
}
