import type { RoomEvent, ServerPayload } from '@mesh/core'
import { beforeSeq, bySeq, listBySeqOf, page } from './page.ts'
import { route } from './route.ts'
import { eventView, messageView, viewOfEvent } from './views.ts'

/** What happened in a room. A guest sees what came since joining. */
export const historyRoutes = [
  route({
    method: 'get',
    path: '/rooms/:room_id/events',
    name: 'listEvents',
    summary: 'Durable events by rising `seq`, above `after`.',
    auth: 'bearer',
    query: bySeq,
    answer: listBySeqOf(eventView),
    errors: ['ACCESS_DENIED'],
    async handle({ app, principal, params, query }) {
      const events = await app.mesh.rooms.events(principal, params.room_id, query)
      return page(events.map(viewOfEvent), query.limit, (last) => last.seq)
    },
  }),
  route({
    method: 'get',
    path: '/rooms/:room_id/messages',
    name: 'listMessages',
    summary: 'Chat messages by falling `seq`, below `before_seq`.',
    auth: 'bearer',
    query: beforeSeq,
    answer: listBySeqOf(messageView),
    errors: ['ACCESS_DENIED'],
    async handle({ app, principal, params, query: { before_seq, limit } }) {
      const messages = await app.mesh.rooms.messages(principal, params.room_id, { before: before_seq, limit })
      return page(messages.map(viewOfMessage), limit, (last) => last.seq)
    },
  }),
]

/** The payload was made by the engine's own handler of chat, and stored as it is. */
function viewOfMessage({ payload, seq }: RoomEvent): ServerPayload<'chat.message.created'> {
  return { ...payload, seq } as ServerPayload<'chat.message.created'>
}
