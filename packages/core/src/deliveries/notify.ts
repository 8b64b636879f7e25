import type { Clock, Delivery, NoticeKind, Notifier, Sent, Storage } from '../ports/index.ts'
import type { Delivered } from './courier.ts'
import { wordsOf } from './notices.ts'

/** Whether somebody is connected, on whichever node: a user, or a device of theirs. */
export type IsConnected = (who: { user_id: string; device_id?: string | undefined }) => Promise<boolean>

/** Tells people who are away. Whether they are is found out now: they may have come back since it happened. */
export function createNotify(options: {
  storage: Storage
  clock: Clock
  notifier: Notifier
  isConnected: IsConnected
}): (delivery: Delivery) => Promise<Delivered> {
  const { storage, notifier, isConnected } = options

  return async (delivery) => {
    const { room_id, to_id, from_id, after } = delivery
    if (delivery.kind === 'agent') return agentIsGone(from_id)
    if (to_id === '') {
      const members = (await storage.rooms.snapshot(room_id))?.members ?? []
      // Whoever came later was not there to miss it.
      const others = members.filter(({ user_id, joined_seq }) => user_id !== from_id && joined_seq <= after)
      return { outcome: 'addressed', to: await away(others.map(({ user_id }) => user_id)) }
    }
    const room = room_id === '' ? undefined : await storage.rooms.find(room_id)
    // The room is gone, or they are no longer in it: what happens there is not theirs to know.
    if (room_id !== '' && !(room && (await storage.rooms.member(room_id, to_id)))) return over
    const from = from_id === '' ? undefined : await storage.users.find(from_id)
    return tell(to_id, delivery, { from: from?.username, room: room?.name })
  }

  async function agentIsGone(device_id: string): Promise<Delivered> {
    const device = await storage.devices.find(device_id)
    if (!device || (await isConnected(device))) return over
    return tell(device.user_id, { kind: 'agent', count: 1 }, { from: device.name })
  }

  async function tell(
    user_id: string,
    { kind, count }: Pick<Delivery, 'kind' | 'count'>,
    names: { from?: string | undefined; room?: string | undefined },
  ): Promise<Delivered> {
    const user = await storage.users.find(user_id)
    if (!user || user.disabled || (await isConnected({ user_id }))) return over
    // The store keeps what the table of notices gave it.
    const notice = kind as NoticeKind
    return toDelivered(await notifier.send({ user_id, kind: notice, ...wordsOf(notice, { count, ...names }) }))
  }

  async function away(user_ids: readonly string[]): Promise<string[]> {
    const connected = await Promise.all(user_ids.map((user_id) => isConnected({ user_id })))
    return user_ids.filter((_, index) => !connected[index])
  }
}

/** There is nothing more to do about it. */
const over: Delivered = { outcome: 'done' }

function toDelivered(sent: Sent): Delivered {
  return sent.outcome === 'later' || sent.outcome === 'refused' ? sent : over
}
