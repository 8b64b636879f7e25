import type { Wire } from './history.ts'
import type { World } from './world.ts'

/** The sessions between agents that one client has part in, as far as it knows. */
export interface TransferBook {
  /** By session id: the room that it was asked for in, where this is the end that asked. */
  readonly open: ReadonlyMap<string, { room_id: string | undefined }>
  /** The session that it heard of last. */
  readonly latest: string | undefined
  /** How to ask for a session, or to accept one. */
  offer(): { candidates: object[]; fingerprint: string }
  heard(frame: Wire, asked: Wire | undefined): void
  clear(): void
}

/** @see TransferBook */
export function createTransferBook(
  world: World,
  ask: (type: string, to: string, payload: object) => unknown,
): TransferBook {
  const { random } = world
  const open = new Map<string, { room_id: string | undefined }>()
  let latest: string | undefined

  function answer(session_id: string): void {
    const what = random.weighted({ accept: 7, reject: 1, ignore: 1 })
    if (what === 'accept') ask('p2p.session.accept', 'server', { session_id, ...book.offer() })
    else if (what === 'reject') ask('p2p.session.reject', 'server', { session_id, reason: 'busy' })
  }

  const book: TransferBook = {
    open,
    get latest() {
      return latest
    },
    offer: () => ({
      candidates: [{ host: '192.0.2.1', port: 1 + random.below(60_000), type: 'host' }],
      fingerprint: `sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
    }),
    heard({ type, payload }, asked) {
      const session_id = String(payload.session_id)
      if (type.startsWith('p2p.')) latest = session_id
      if (type === 'p2p.session.request') world.soon(1_000, () => answer(session_id))
      else if (type === 'p2p.session.created') {
        const isRequester = asked?.type === 'p2p.session.request'
        open.set(session_id, { room_id: isRequester ? String(asked.payload.room_id) : undefined })
      } else if (type === 'p2p.session.closed') open.delete(session_id)
    },
    clear: () => open.clear(),
  }
  return book
}
