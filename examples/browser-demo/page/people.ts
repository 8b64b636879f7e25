import type { Peer, Room } from '@mesh/client-sdk'
import { byId, make, paintAvatar } from './dom.ts'

/** How available somebody is, and what it is called. */
export type Availability = Peer['status']

const order: Availability[] = ['online', 'busy', 'away', 'reconnecting', 'offline']

/** Of several tabs of one user the most available one counts. */
export function availabilityOf(room: Room, user_id: string): Availability {
  const peers = [...room.peers.values()].filter((peer) => peer.user_id === user_id)
  return order.find((status) => peers.some((peer) => peer.status === status)) ?? 'offline'
}

/** The list of people on the page. */
export interface People {
  /** While we are in a call nobody else can be called. */
  setBusy(busy: boolean): void
  /** How available this tab is; the room tells only how the others are. */
  setOwn(status: Availability): void
}

/** Lists the members of the room with how available they are, and a button to call each of them. */
export function startPeople(room: Room, call: (user_id: string) => void): People {
  const list = byId('people-list', HTMLUListElement)
  const rows = new Map<string, ReturnType<typeof createRow>>()
  let busy = false
  let ownStatus: Availability = 'online'

  room.on('presence', update)
  room.on('members', update)
  room.on('updated', update)
  update()
  return {
    setBusy(now) {
      busy = now
      update()
    },
    setOwn(status) {
      ownStatus = status
      update()
    },
  }

  function update(): void {
    for (const [user_id, row] of rows) {
      if (room.members.has(user_id)) continue
      row.element.remove()
      rows.delete(user_id)
    }
    for (const { user_id, username } of room.members.values()) {
      const own = user_id === room.mesh.me.user_id
      // Rows stay, so that the focus does not jump when somebody's status changes.
      const row = rows.get(user_id) ?? createRow(own ? `${username} (you)` : username, () => call(user_id))
      rows.set(user_id, row)
      const status = own ? ownStatus : availabilityOf(room, user_id)
      row.element.dataset['status'] = status
      row.status.textContent = status
      row.button.hidden = own
      row.button.disabled = busy || status === 'offline' || status === 'reconnecting'
      if (!row.element.isConnected) list.append(row.element)
    }
  }
}

function createRow(name: string, call: () => void) {
  const element = make('li')
  const avatar = make('span', '', 'avatar')
  avatar.ariaHidden = 'true'
  paintAvatar(avatar, name)
  const status = make('span', '', 'status')
  const who = make('span', '', 'who')
  who.append(make('strong', name), status)
  const button = make('button', 'Call')
  button.type = 'button'
  button.ariaLabel = `Call ${name}`
  button.addEventListener('click', call)
  element.append(avatar, who, button)
  return { element, status, button }
}
