import type { Room } from '@mesh/client-sdk'
import { byId } from './dom.ts'

type Status = 'online' | 'away' | 'busy'

/** Tells the room how available this tab is: what was chosen, and away while nobody looks at it; `changed` hears of it. Returns what looks again. */
export function startStatus(room: Room, inCall: () => boolean, changed: (status: Status) => void): () => void {
  const choice = byId('own-status', HTMLSelectElement)
  let told: Status = 'online'

  choice.addEventListener('change', tell)
  document.addEventListener('visibilitychange', tell)
  tell()
  return tell

  function tell(): void {
    const chosen: Status = choice.value === 'busy' || choice.value === 'away' ? choice.value : 'online'
    // In a call the tab is often behind something else, with somebody listening all the same.
    const status = chosen === 'online' && document.hidden && !inCall() ? 'away' : chosen
    if (status === told) return
    told = status
    changed(status)
    // Not connected: the room says it by itself once it is entered again.
    room.setStatus(status).catch(() => undefined)
  }
}
