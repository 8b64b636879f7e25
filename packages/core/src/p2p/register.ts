import type { Call, LiveRoom, Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { P2pSession } from './session.ts'

/** The sessions there are, by id and by the peers that have part in them. */
export function createRegister() {
  const byId = new Map<string, P2pSession>()
  // Every session of a peer, so that its end costs nothing to those who have none.
  const byPeer = new Map<Peer, Set<P2pSession>>()
  const endsOf = ({ requester, target }: P2pSession) => [requester.peer, target]
  const allOf = (peer: Peer) => [...(byPeer.get(peer) ?? [])]

  return {
    find: (session_id: string) => byId.get(session_id),
    all: () => [...byId.values()],
    of: (peer: Peer, room: LiveRoom) => allOf(peer).filter((session) => session.room === room),
    /** Sessions that others ask of a peer do not count: they could keep it from having any. */
    openedBy: (peer: Peer) => allOf(peer).filter(({ requester }) => requester.peer === peer).length,

    /** Whether this very request waits for its answer. @throws MeshError CONFLICT when another does under its id */
    isAsked(call: Call<'p2p.session.request'>): boolean {
      const first = allOf(call.peer).find((session) => session.call.id === call.id && !session.isOpen)?.call
      if (!first) return false
      if (bodyOf(first) !== bodyOf(call)) throw new MeshError('CONFLICT', undefined, { reason: 'repeated_id' })
      return true
    },

    add(session: P2pSession): void {
      byId.set(session.session_id, session)
      for (const peer of endsOf(session)) byPeer.set(peer, (byPeer.get(peer) ?? new Set()).add(session))
    },

    /** Takes a session out; false when it is not there any more. */
    remove(session: P2pSession): boolean {
      for (const peer of endsOf(session)) {
        const own = byPeer.get(peer)
        if (own?.delete(session) && own.size === 0) byPeer.delete(peer)
      }
      return byId.delete(session.session_id)
    },
  }
}

const bodyOf = ({ to, payload }: Call<'p2p.session.request'>) => JSON.stringify([to, payload])
