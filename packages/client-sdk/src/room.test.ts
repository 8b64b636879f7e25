import type { Envelope } from '@mesh/core/protocol'
import { describe, expect, it, vi } from 'vitest'
import { createRoom } from './room.ts'
import type { Mesh } from './types.ts'

const room_id = 'room_1'

function enter() {
  /** What comes in a row, with the answer to a request. */
  let answer = () => {}
  const mesh = { me: { user_id: 'usr_0', peer_id: 'peer_0' }, request: async () => answer() }
  const { room, take, reenter } = createRoom({
    mesh: mesh as unknown as Mesh,
    room_id,
    onFault: () => {},
    forget: () => {},
  })
  const told = (type: string, payload: object) => take({ type, payload } as Envelope)
  const messages: string[] = []
  room.on('message', ({ text }) => void messages.push(text))
  const joined = (seq: number) =>
    told('room.joined', { room_id, name: 'Room', role: 'owner', caps: [], members: [], peers: [], seq })
  joined(3)
  return {
    room,
    messages,
    told,
    joined,
    said: (seq: number, text: string) => told('chat.message.created', { seq, text }),
    /** The session is another one, in which all this comes at once. */
    reenter(all: () => void) {
      answer = all
      return reenter()
    },
  }
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

  it('goes by the first snapshot of a session, whatever a later one says', () => {
    const { room, messages, joined, said } = enter()
    said(4, 'mine')
    said(5, 'theirs')
    for (const seq of [5, 3, 2]) {
      joined(seq)
      said(4, 'mine')
      expect(room.seq).toBe(5)
    }
    joined(6)
    said(6, 'answered only now')
    expect(messages).toEqual(['mine', 'theirs', 'answered only now'])
  })

  it('is where the first snapshot of another session says, even if that is less', async () => {
    const { room, messages, joined, said, reenter } = enter()
    for (const seq of [4, 5, 6, 7]) said(seq, `lost ${seq}`)
    const rejoined = vi.fn<(missed: object) => void>()
    room.on('rejoined', rejoined)
    await reenter(() => {
      joined(3)
      said(4, 'new 4')
    })
    // What came right behind the snapshot was heard, and so not missed.
    expect(rejoined.mock.calls).toEqual([[{ after: 7, seq: 3 }]])
    said(5, 'new 5')
    said(4, 'new 4')
    expect(messages.slice(4)).toEqual(['new 4', 'new 5'])
    expect(room.seq).toBe(5)
  })
})
