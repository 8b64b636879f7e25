import * as v from 'valibot'
import { field, notice, request } from '../define.ts'

/** Messages to everybody in a room. */
export const chatClientEvents = {
  'chat.message.send': request({
    doc: 'Says something to the room: 1 to 4,096 bytes. It is answered once it is stored durably; a repeated id is stored once, for ever.',
    to: 'room',
    room: 'joined',
    may: 'chat',
    limit: 'chat',
    reply: 'chat.message.created',
    payload: v.strictObject({ text: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)) }),
  }),
}

export const chatServerEvents = {
  'chat.message.created': notice({
    doc: "A stored message. The sender's one copy carries `reply_to`. Durable.",
    payload: v.strictObject({
      message_id: field.messageId,
      seq: field.count,
      user_id: field.userId,
      text: v.string(),
      created_at: field.instant,
    }),
  }),
}
