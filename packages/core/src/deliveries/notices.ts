import { fitName } from '../names.ts'
import type { NewEvent, NoticeKind } from '../ports/index.ts'

/** Whom an event tells something: one user, or every other member of the room. */
export interface Told {
  kind: NoticeKind
  from_id: string
  to_id?: string
}

/** THE table of the durable events that people are told of while they are away. */
const told: Readonly<Record<string, (payload: NewEvent['payload']) => Told>> = {
  'chat.message.created': ({ user_id }) => ({ kind: 'chat', from_id: String(user_id) }),
  'call.missed': ({ from_user_id, to_user_id }) => ({
    kind: 'call',
    from_id: String(from_user_id),
    to_id: String(to_user_id),
  }),
  'share.completed': ({ from_user_id, to_user_id }) => ({
    kind: 'share',
    from_id: String(from_user_id),
    to_id: String(to_user_id),
  }),
  'terminal.share.started': ({ user_id }) => ({ kind: 'terminal', from_id: String(user_id) }),
}

/** Whom an event tells something, if anybody. */
export function toldBy({ type, payload }: Pick<NewEvent, 'type' | 'payload'>): Told | undefined {
  return told[type]?.(payload)
}

/** What the words of a notice are made of. A name is left out where it is not known, or where it is one of several. */
export interface Names {
  /** How many events it stands for. */
  count: number
  from?: string | undefined
  room?: string | undefined
}

interface Words {
  title: string
  text: string
}

/** THE words: names and numbers, and nothing that was said. */
const words: Readonly<Record<NoticeKind, (names: { count: number; from: string; room: string }) => Words>> = {
  chat: ({ count, from, room }) => ({
    title: count === 1 ? `New message in ${room}` : `New messages in ${room}`,
    text: count === 1 ? `${from} wrote in ${room}.` : `${count} new messages in ${room}, from ${from}.`,
  }),
  call: ({ count, from, room }) => ({
    title: count === 1 ? 'Missed call' : 'Missed calls',
    text: count === 1 ? `${from} called you in ${room}.` : `${count} missed calls in ${room}, from ${from}.`,
  }),
  share: ({ count, from, room }) => ({
    title: count === 1 ? 'Share completed' : 'Shares completed',
    text: count === 1 ? `A share from ${from} in ${room} is complete.` : `${count} shares in ${room} are complete.`,
  }),
  terminal: ({ count, from, room }) => ({
    title: count === 1 ? 'Terminal shared' : 'Terminals shared',
    text: count === 1 ? `${from} shares a terminal in ${room}.` : `${count} terminals are shared in ${room}.`,
  }),
  agent: ({ from }) => ({ title: 'Agent offline', text: `${from} is offline.` }),
}

/** The words of a notice. Names are made fit for one line, and cut to 64 code points. */
export function wordsOf(kind: NoticeKind, { count, from = '', room = '' }: Names): Words {
  const somebody = count === 1 ? 'Somebody' : 'several people'
  return words[kind]({
    count,
    from: fitName(from) ?? somebody,
    room: fitName(room) ?? 'a room',
  })
}
