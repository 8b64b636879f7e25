import type { Clock, Delivery, Member, NoticeKind, Notifier, Sent, Storage } from '../ports/index.ts'
import type { Delivered } from './courier.ts'
import { toldBy, wordsOf } from './notices.ts'

/** Whether somebody is connected, on whichever node: a user, or a device of theirs. */
export type IsConnected = (who: { user_id: string; device_id?: string | undefined }) => Promise<boolean>

/** How many events of a room are looked through for those that a newcomer may have missed. */
const latestEvents = 100

/** Tells people who are away. Whether they are is found out now: they may have come back since it happened. */
export function createNotify(options: {
  storage: Storage
  clock: Clock
  send: Notifier['send']
  isConnected: IsConnected
}): (delivery: Delivery) => Promise<Delivered> {
  const { storage, send, isConnected } = options

  return async (delivery) => {
    const { room_id, to_id, from_id } = delivery
    if (delivery.kind === 'agent') return agentIsGone(from_id)
    if (to_id === '') return addressed(delivery)
    const room = room_id === '' ? undefined : await storage.rooms.find(room_id)
    // The room is gone, or they are no longer in it: what happens there is not theirs to know.
    if (room_id !== '' && !(room && (await storage.rooms.member(room_id, to_id)))) return over
    const from = from_id === '' ? undefined : await storage.users.find(from_id)
    return tell(to_id, delivery, { from: from?.username, room: room?.name })
  }

  async function addressed(delivery: Delivery): Promise<Delivered> {
    const { room_id, from_id, after, count } = delivery
    const members = (await storage.rooms.snapshot(room_id))?.members ?? []
    const others = members.filter(({ user_id }) => user_id !== from_id)
    // Whoever came later missed only what has happened since.
    const isNew = ({ joined_seq }: Member) => joined_seq > after
    const seqs = others.some(isNew) ? await latestOf(delivery) : []
    const concerned = others.map((member) => ({
      to_id: member.user_id,
      less: isNew(member) ? count - seqs.filter((seq) => seq > member.joined_seq).length : 0,
    }))
    const connected = await Promise.all(concerned.map(({ to_id }) => isConnected({ user_id: to_id })))
    // Whoever has missed nothing so far as well: of what joins meanwhile nobody else tells them.
    return { outcome: 'addressed', to: concerned.filter((_, index) => !connected[index]) }
  }

  /** The places of the latest events that a delivery was about when it was claimed. */
  async function latestOf({ room_id, from_id, kind, after, count }: Delivery): Promise<number[]> {
    const latest = await storage.events.before(room_id, { limit: latestEvents })
    const seqs = latest.flatMap((event) => {
      const about = toldBy(event)
      return event.seq > after && about?.kind === kind && about.from_id === from_id ? [event.seq] : []
    })
    return seqs.sort((a, b) => a - b).slice(0, count)
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
    return toDelivered(await send({ user_id, kind: notice, ...wordsOf(notice, { count, ...names }) }))
  }
}

/** There is nobody to tell any more. */
const over: Delivered = { outcome: 'needless' }

function toDelivered(sent: Sent): Delivered {
  if (sent.outcome === 'sent') return { outcome: 'done' }
  return sent.outcome === 'unaddressed' ? over : sent
}
