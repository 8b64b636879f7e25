import { connect, isMeshError } from '@mesh/client-sdk'
import { startCalls } from './calls.ts'
import { startChat } from './chat.ts'
import { byId, say } from './dom.ts'
import { createLogin, readTicket } from './login.ts'
import type { Ticket } from './login.ts'
import { startPeople } from './people.ts'
import { startStatus } from './status.ts'
import { serverWords } from './words.ts'

const state = byId('server-state', HTMLElement)
const notice = byId('notice', HTMLElement)

async function enter(ticket: Ticket): Promise<void> {
  const token = createLogin(ticket)
  const mesh = await connect({ url: '/ws', token, client: { name: 'browser-demo', version: '0.0.0' } })
  show(mesh.state)
  mesh.on('state', (now, reason) => {
    show(now)
    if (now === 'closed') say(notice, wordsOf(reason))
  })

  const room = await mesh.join(ticket.room_id)
  document.title = `${ticket.username} · ${room.name} · Mesh`
  byId('room-name', HTMLElement).textContent = room.name
  byId('own-name', HTMLElement).textContent = ticket.username
  const calls = startCalls(room, (active) => {
    people.setBusy(active)
    tellStatus()
  })
  const people = startPeople(room, (user_id) => void calls.start(user_id))
  startChat(room, token)
  const tellStatus = startStatus(room, () => calls.active, people.setOwn)
  room.on('left', (reason) => say(notice, `You are not in the room any more (${reason})`))
}

function show(now: keyof typeof serverWords): void {
  state.dataset['state'] = now
  state.textContent = serverWords[now]
}

function wordsOf(error: unknown): string {
  if (isMeshError(error) && error.code === 'AUTH_INVALID') {
    return 'This link is from an earlier run of the demo: open the start page again.'
  }
  return error instanceof Error ? `No connection: ${error.message}` : 'The connection is closed'
}

const ticket = readTicket(location.hash)
// The links differ only behind the #, where a browser does not load the page again.
addEventListener('hashchange', () => location.reload())
if (ticket) {
  enter(ticket).catch((error: unknown) => {
    show('closed')
    say(notice, wordsOf(error))
  })
} else {
  show('closed')
  say(notice, 'This page needs one of the links of the start page.')
}
