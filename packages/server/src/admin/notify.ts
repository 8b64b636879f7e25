import { MeshError, toInstant, type DeadLetter, type Delivery } from '@mesh/core'
import type { MeshServer } from '../mesh-server.ts'
import { findUser } from './find.ts'

/** Sends a user a notification that says that it works. @throws MeshError with what went wrong */
export async function testNotify(mesh: MeshServer, idOrName: string): Promise<{ user_id: string; username: string }> {
  const { user_id, username } = await findUser(mesh, idOrName)
  const sent = await mesh.notifications.test(user_id)
  if (sent.outcome === 'unaddressed') {
    throw new MeshError('NOT_FOUND', 'The user has no token: set one first', { reason: 'no_token' })
  }
  if (sent.outcome === 'refused') {
    throw new MeshError('CONFLICT', `The service refused it (${sent.reason}): is the token right?`)
  }
  if (sent.outcome === 'later') throw new MeshError('UNAVAILABLE', `The service did not take it (${sent.reason})`)
  return { user_id, username }
}

/** What waits to be delivered, or was given up. @throws MeshError UNAVAILABLE */
export async function listDeliveries(
  { storage }: MeshServer,
  { state, limit }: { state: 'waiting' | 'dead'; limit: number },
) {
  if (state === 'dead') return (await storage.deliveries.dead({ limit })).map((letter) => view(letter, letter.dead_at))
  return (await storage.deliveries.list({ limit })).map((delivery) => view(delivery, delivery.due_at))
}

/** Who has a token, by name. */
export async function listNotifyTargets(mesh: MeshServer, page: { after?: string | undefined; limit: number }) {
  const targets = await mesh.notifications.list(page)
  return Promise.all(
    targets.map(async ({ user_id, updated_at }) => {
      const user = await mesh.storage.users.find(user_id)
      return { user_id, username: user?.username ?? '', updated_at: toInstant(updated_at) }
    }),
  )
}

/** `at`: when it is due next, or was given up. */
function view(delivery: Delivery | DeadLetter, at: number) {
  const { channel, kind, room_id, from_id, to_id, count, created_at, attempts, reason } = delivery
  const who = { room_id: room_id || null, from_id: from_id || null, to_id: to_id || null }
  return { channel, kind, ...who, count, created_at: toInstant(created_at), at: toInstant(at), attempts, reason }
}
