import type { Engine, LiveRoom, Peer } from './context.ts'
import { createMultimap } from './multimap.ts'

/** The sessions between peers of one kind, found by their id and by the peers that have part in them. */
export interface PeerSessions<S> {
  find(id: string): S | undefined
  all(): S[]
  /** Those that a peer has part in, in one room or in all, as a copy that stands while they go. */
  of(peer: Peer, room?: LiveRoom): S[]
  /** How many a peer has opened: what others open with it does not count, or they could keep it from opening any. */
  countOpenedBy(peer: Peer): number
  add(session: S): void
  /** A peer has no part in a session any more, which goes on without it. */
  part(session: S, peer: Peer): void
  /** Takes a session out; false when it is not there any more. */
  remove(session: S): boolean
}

/** @see PeerSessions */
export function createPeerSessions<S extends { readonly room: LiveRoom }>({
  idOf,
  openerOf,
  partiesOf,
  home,
}: {
  idOf(session: S): string
  openerOf(session: S): Peer
  partiesOf(session: S): Peer[]
  home: Engine['home']
}): PeerSessions<S> {
  const byId = new Map<string, S>()
  // So that the end of a peer costs nothing to those who have no session with it.
  const byPeer = createMultimap<Peer, S>()

  function part(session: S, peer: Peer): void {
    byPeer.delete(peer, session)
    home(peer, idOf(session), false)
  }

  return {
    find: (id) => byId.get(id),
    all: () => [...byId.values()],
    of: (peer, room) => [...byPeer.get(peer)].filter((session) => room === undefined || session.room === room),
    countOpenedBy: (peer) => [...byPeer.get(peer)].filter((session) => openerOf(session) === peer).length,
    add(session) {
      byId.set(idOf(session), session)
      for (const peer of partiesOf(session)) {
        byPeer.add(peer, session)
        home(peer, idOf(session), true)
      }
    },
    part,
    remove(session) {
      if (byId.get(idOf(session)) !== session) return false
      byId.delete(idOf(session))
      for (const peer of partiesOf(session)) part(session, peer)
      return true
    },
  }
}
