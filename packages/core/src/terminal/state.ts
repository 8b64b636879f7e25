import { toInstant } from '../encoder.ts'
import type { LeaseClock } from '../lease-clock.ts'
import { cleanName } from '../names.ts'
import type { Terminal } from '../ports/index.ts'
import type { ClientPayload, ServerPayload } from '../protocol.ts'
import { holderOf, isAlive } from './lease.ts'

/** How long a node vouches for the terminals of its peers, and how often it does so anew, in milliseconds. */
export const vouching = { ms: 60_000, every: 20_000 } as const

/** A terminal that starts now. @throws MeshError BAD_MESSAGE for a title that is no clean single line */
export function newTerminal(
  host: { peer_id: string; user_id: string; device_id?: string | undefined },
  { room_id, title, cols, rows }: ClientPayload<'terminal.share.start'>,
  terminal_id: string,
  now: number,
): Omit<Terminal, 'fence' | 'lease'> {
  return {
    terminal_id,
    room_id,
    host_peer_id: host.peer_id,
    host_user_id: host.user_id,
    host_device_id: host.device_id ?? null,
    title: cleanName(title, 'title', 128),
    cols: cols ?? null,
    rows: rows ?? null,
    started_at: now,
    alive_until: now + vouching.ms,
  }
}

/** What everybody may know of a terminal from its beginning on. */
export function describe(terminal: Omit<Terminal, 'fence' | 'lease'>) {
  const { terminal_id, host_peer_id, host_user_id, host_device_id, title, cols, rows } = terminal
  return {
    terminal_id,
    peer_id: host_peer_id,
    user_id: host_user_id,
    ...(host_device_id === null ? {} : { device_id: host_device_id }),
    title,
    ...(cols === null ? {} : { cols }),
    ...(rows === null ? {} : { rows }),
  }
}

/** What somebody who joins is shown of the terminals in a room. */
export function shownTerminals(
  open: readonly Terminal[],
  clock: LeaseClock,
): ServerPayload<'room.joined'>['terminals'] {
  const now = clock.now()
  return open
    .filter((terminal) => isAlive(terminal, now))
    .map((terminal) => {
      const { fence, lease } = terminal
      const holder = holderOf(terminal, now)
      return {
        ...describe(terminal),
        fence,
        ...(lease && holder !== undefined ? { holder, expires_at: toInstant(clock.onWall(lease.expires_at)) } : {}),
      }
    })
}
