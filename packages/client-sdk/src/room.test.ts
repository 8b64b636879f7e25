import type { Envelope } from '@mesh/core/protocol'
import { describe, expect, it } from 'vitest'
import { createRoom } from './room.ts'
import type { Mesh } from './types.ts'

const room_id = 'room_1'

function enter() {
  const { room, take } = createRoom({
    mesh: { me: { user_id: 'usr_0', peer_id: 'peer_0' } } as Mesh,
    room_id,
    onFault: () => {},
    forget: () => {},
  })
  const told = (type: string, payload: object) => take({ type, payload } as Envelope)
  const messages: string[] = []
  room.on('message', ({ text }) => void messages.push(text))
  told('room.joined', { room_id, name: 'Room', role: 'owner', caps: [], members: [], peers: [], seq: 3 })
  return { room, messages, told, said: (seq: number, text: string) => told('chat.message.created', { seq, text }) }
}

describe('a room', () => {
  it('takes in once what is told again as the answer to a request', () => {
    const { room, messages, told, said } = enter()
    said(4, 'mine')
    said(5, 'theirs')
    said(4, 'mine')
    told('room.member.added', { seq: 6, user_id: 'usr_1', username: 'bob', role: 'guest' })
    told('room.member.removed', { seq: 7, user_id: 'usr_1' })
    told('room.member.added', { seq: 6, user_id: 'usr_1', username: 'bob', role: 'guest' })
    expect(messages).toEqual(['mine', 'theirs'])
    expect([room.members.size, room.seq]).toEqual([0, 7])
  })

  it('shows what was said before it was entered again, and is answered only now', () => {
    const { messages, said } = enter()
    said(2, 'sent before')
    said(4, 'and then')
    expect(messages).toEqual(['sent before', 'and then'])
  })
})
