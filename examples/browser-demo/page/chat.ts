import { isMeshError } from '@mesh/client-sdk'
import type { Message, Room } from '@mesh/client-sdk'
import { byId, make } from './dom.ts'

/** Shows what is said in the room, from before as well, and says what is typed. */
export function startChat(room: Room, token: () => Promise<string>): void {
  const list = byId('messages', HTMLOListElement)
  const form = byId('say', HTMLFormElement)
  const input = byId('text', HTMLInputElement)
  const notice = byId('chat-notice', HTMLElement)
  const shown = new Set<string>()

  room.on('message', show)
  // What was said while the connection was lost is still there to be read.
  room.on('rejoined', () => void loadHistory())
  void loadHistory()

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void send(input.value.trim())
  })

  async function send(text: string): Promise<void> {
    if (text === '') return
    try {
      await room.send(text)
      input.value = ''
      notice.textContent = ''
    } catch (error) {
      notice.textContent = isMeshError(error) ? `Not sent: ${error.message}` : 'Not sent'
    }
    input.focus()
  }

  async function loadHistory(): Promise<void> {
    try {
      const response = await fetch(`/api/v1/rooms/${room.id}/messages?limit=50`, {
        headers: { authorization: `Bearer ${await token()}` },
      })
      if (!response.ok) return
      // Our own server's answer, as its documents have it.
      const { data } = (await response.json()) as { data: Message[] }
      for (const message of data.toSorted((a, b) => a.seq - b.seq)) show(message)
    } catch {
      notice.textContent = 'Earlier messages could not be loaded'
    }
  }

  function show({ message_id, seq, user_id, text, created_at }: Message): void {
    if (shown.has(message_id)) return
    shown.add(message_id)
    const own = user_id === room.mesh.me.user_id
    const item = make('li', '', own ? 'own' : '')
    item.dataset['seq'] = String(seq)
    const at = new Date(created_at)
    const time = make('time', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))
    time.dateTime = at.toISOString()
    const author = make('span', own ? 'you' : (room.members.get(user_id)?.username ?? 'somebody'), 'author')
    item.append(author, time, make('p', text))
    // History may arrive after a message that has just been said.
    const later = [...list.children].find((other) => Number((other as HTMLElement).dataset['seq']) > seq)
    list.insertBefore(item, later ?? null)
    list.scrollTop = list.scrollHeight
  }
}
